import CCurl
import Glibc
import MEDLoop

/// libcurl's multi interface on an event loop, as an asynchronous client.
///
/// Confined to its loop: it is made, called and closed there. One client serves any number of targets at once; a target
/// that hangs, or whose name can't be resolved, holds up no other. The life of an exchange:
///
/// ``send(_:)`` takes a handle of the target, configures what differs and adds it to the multi handle → at the end of the
/// turn libcurl starts all that were added during it → it asks for descriptors and one timer (`HTTPClient+Sockets.swift`)
/// and is called when they are due → exchanges that have ended are collected and their tasks resumed.
///
/// ``close()`` must be called: until then the loop and libcurl hold on to the client.
public final class HTTPClient {
  private static let minimumKeptConnections = 64
  private static let maximumKeptConnections = 16_384
  private static let sweepInterval = Duration.seconds(15)

  public let loop: EventLoop
  let configuration: HTTPClientConfiguration
  /// libcurl's handle; nil once the client is closed (or if memory was short at the start).
  var multi: UnsafeMutableRawPointer?
  var sockets = SocketTable()
  var alarm = CurlAlarm()
  private var pool: HandlePool<TransferHandle>
  private var running: [TransferHandle] = []
  private var keptConnections = 0
  private var sweepTimer: LoopTimer?

  /// - Parameter loop: the caller must be on it.
  public init(loop: EventLoop, configuration: HTTPClientConfiguration = HTTPClientConfiguration()) {
    loop.checkIsolated()
    self.loop = loop
    self.configuration = configuration
    pool = HandlePool(limit: configuration.maximumIdleHandles)
    guard Self.isLibraryReady else { return }
    multi = curl_multi_init()
    attachToLoop()
    keepConnections()
  }

  private static let isLibraryReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  /// Exchanges that have begun and not ended.
  public var runningCount: Int { running.count }

  /// Handles that wait for the next exchange of their target.
  var idleHandleCount: Int { pool.idleCount }
  var targetCount: Int { pool.targetCount }

  /// Makes one exchange. Cancelling the task ends it early with ``HTTPFailure/Kind/cancelled``.
  public func send(_ request: HTTPRequest, isolation: isolated (any Actor)? = #isolation) async -> HTTPAnswer {
    if Task.isCancelled { return .failed(HTTPFailure(.cancelled, "cancelled")) }
    switch begin(request) {
    case .failure(let failure): return .failed(failure)
    case .success(let handle):
      let cancellation = Cancellation(client: self, handle: handle, serial: handle.serial)
      return await withTaskCancellationHandler {
        _ = isolation  // without the capture the closure runs on the global executor
        return await withUnsafeContinuation { start(handle, $0) }
      } onCancel: {
        cancellation.request()
      }
    }
  }

  private func begin(_ request: HTTPRequest) -> Result<TransferHandle, HTTPFailure> {
    loop.checkIsolated()
    if let failure = HTTPURL.objection(to: request.url) { return .failure(failure) }
    guard multi != nil else { return .failure(HTTPFailure(.cancelled, "the client is closed")) }
    guard let handle = takeHandle(for: request) else { return .failure(HTTPFailure(.other, "out of memory")) }
    if let failure = handle.prepare(request) {
      giveBack(handle)
      return .failure(failure)
    }
    return .success(handle)
  }

  /// Ends what is still running as cancelled, then closes all connections. Does nothing the second time.
  public func close() {
    guard let multi else { return }
    while let handle = running.last { end(handle, with: .failed(HTTPFailure(.cancelled, "the client was closed"))) }
    pool.removeAll()
    sweepTimer?.cancel()
    sweepTimer = nil
    alarm.cancel()
    curl_multi_cleanup(multi)
    self.multi = nil
  }

  func allows(_ address: NetworkAddress?) -> Bool {
    guard let address else { return false }
    return !configuration.deniedNetworks.contains { $0.contains(address) }
  }

  // MARK: The life of an exchange

  private func start(_ handle: TransferHandle, _ continuation: UnsafeContinuation<HTTPAnswer, Never>) {
    handle.continuation = continuation
    handle.place = running.count
    running.append(handle)
    let code = curl_multi_add_handle(multi, handle.easy)
    guard code != CURLM_OK else { return }
    end(handle, with: .failed(HTTPFailure(.other, String(cString: curl_multi_strerror(code)))))
  }

  /// Takes the exchanges that have ended from libcurl and resumes their tasks.
  func collect() {
    var left: Int32 = 0
    while let message = curl_multi_info_read(multi, &left) {
      guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
      let code = med_message_result(message)
      var pointer: UnsafeMutableRawPointer?
      guard med_easy_get_pointer(easy, CURLINFO_PRIVATE, &pointer) == CURLE_OK,
        let handle = TransferHandle.at(pointer)
      else { continue }
      end(handle, with: handle.takeAnswer(code))
    }
  }

  private func end(_ handle: TransferHandle, with answer: HTTPAnswer) {
    // Of an exchange that is under way this closes the connection.
    curl_multi_remove_handle(multi, handle.easy)
    let last = running.removeLast()
    if last !== handle {
      running[handle.place] = last
      last.place = handle.place
    }
    let continuation = handle.continuation
    handle.continuation = nil
    giveBack(handle)
    continuation?.resume(returning: answer)
  }

  fileprivate func cancel(_ handle: TransferHandle, serial: UInt64) {
    guard handle.serial == serial, handle.continuation != nil else { return }
    end(handle, with: .failed(HTTPFailure(.cancelled, "cancelled")))
  }

  // MARK: Handles

  private func takeHandle(for request: HTTPRequest) -> TransferHandle? {
    let (target, idle) = pool.take(request.target, concurrency: request.concurrency, at: loop.now)
    guard let handle = idle ?? TransferHandle(client: self) else {
      pool.giveBack(nil, to: target)
      return nil
    }
    handle.target = target
    if pool.concurrency > keptConnections { keepConnections() }
    if sweepTimer == nil { scheduleSweep() }
    return handle
  }

  private func giveBack(_ handle: TransferHandle) {
    guard let target = handle.target else { return }
    handle.rest()
    pool.giveBack(handle, to: target)
  }

  /// libcurl closes idle connections past a number of all of them: as many may stay as the known targets can use at once.
  private func keepConnections() {
    let wanted = min(max(pool.concurrency, Self.minimumKeptConnections), Self.maximumKeptConnections)
    keptConnections = pool.concurrency
    _ = med_multi_set_long(multi, CURLMOPT_MAXCONNECTS, wanted)
  }

  private func scheduleSweep() {
    let interval = min(Self.sweepInterval, configuration.idleTargetLifetime)
    sweepTimer = loop.schedule(after: interval) { [weak self] in self?.sweep() }
  }

  private func sweep() {
    sweepTimer = nil
    pool.forget(unusedSince: loop.now - configuration.idleTargetLifetime)
    keepConnections()
    if !pool.isEmpty { scheduleSweep() }
  }
}

/// Asks, from any thread, for the end of one exchange.
private struct Cancellation: @unchecked Sendable {  // why: other threads only carry the references back to the loop
  let client: HTTPClient
  let handle: TransferHandle
  let serial: UInt64

  func request() {
    client.loop.submit { client.cancel(handle, serial: serial) }
  }
}
