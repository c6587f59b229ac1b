import Logging
import MEDCore
import MEDLoop

/// Whoever needs a connection to be there again whenever it broke.
protocol LinkOwner: AnyObject {
  /// Connected, and the server's run is known. Called on the loop.
  func linkIsUp(_ connection: Connection, instance: UInt32)
  /// Nothing that was sent is unanswered any more.
  func linkDrained()
  /// Called once for each ``linkIsUp(_:instance:)``.
  func linkIsDown(_ error: BeanstalkError)
  /// An attempt to connect failed; the next one follows by itself.
  func linkFailed(_ error: BeanstalkError)
}

extension LinkOwner {
  func linkDrained() {}
}

/// Keeps one connection to a server: connects, learns which run of the server it has reached, and does so again with
/// backoff whenever it ends. Confined to its loop.
final class Link: ConnectionDelegate {
  /// A connection that lived shorter doesn't count as a success: the backoff goes on.
  private static let stableTime = Duration.seconds(1)

  private let endpoint: Endpoint
  private weak var owner: (any LinkOwner)?
  /// Set while it is up.
  private(set) var connection: Connection?

  private var attempt: Connection?
  private var isStopped = false
  private var task: Task<Void, Never>?
  private var opening: UnsafeContinuation<BeanstalkError?, Never>?
  private var ending: UnsafeContinuation<Void, Never>?
  private var mayComeSooner = true
  private var generator = SystemRandomNumberGenerator()

  init(_ endpoint: Endpoint, owner: any LinkOwner) {
    self.endpoint = endpoint
    self.owner = owner
  }

  func start() {
    task = endpoint.actor.spawn { await self.run() }
  }

  /// Closes for good.
  func stop() {
    guard !isStopped else { return }
    isStopped = true
    attempt?.close(BeanstalkError(.closed, "the session was closed"))
    task?.cancel()
  }

  /// For deinits, which come on any thread.
  func stopFromAnywhere() {
    let loop = endpoint.actor.loop
    if loop.isOnLoop { return stop() }
    nonisolated(unsafe) let link = self  // why: only carried to its loop
    loop.submit { link.stop() }
  }

  /// Closes what is there and connects anew: for a connection whose state is in doubt.
  func reset(_ error: BeanstalkError) {
    connection?.close(error)
  }

  // MARK: The life of a link

  private func run() async {
    var backoff = Backoff(endpoint.configuration.backoff)
    while !isStopped, owner != nil {
      do throws(BeanstalkError) {
        let (connection, instance) = try await connect()
        let began = ContinuousClock.now
        await stayUp(connection, instance: instance)
        if ContinuousClock.now - began >= Self.stableTime {
          backoff.reset()
          mayComeSooner = true
        }
      } catch {
        if !isStopped { owner?.linkFailed(error) }
      }
      guard !isStopped else { return }
      await pause(for: backoff.pause(using: &generator))
    }
  }

  /// Another connection that reaches the server ends the pause. But once only: a server that ends connections as soon as
  /// it has accepted them would have all of them at once, again and again.
  private func pause(for pause: Duration) async {
    if mayComeSooner {
      mayComeSooner = await !endpoint.waitUntilReached(atMost: pause)
    } else {
      try? await endpoint.actor.loop.sleep(for: pause)
    }
  }

  private func connect() async throws(BeanstalkError) -> (Connection, UInt32) {
    var failure = BeanstalkError(.unresolved, "\(endpoint.address.host) has no address")
    for address in try await endpoint.resolver.addresses() {
      guard !isStopped else { throw BeanstalkError(.closed, "the session was closed") }
      do throws(BeanstalkError) {
        return try await connect(to: address)
      } catch {
        failure = error
      }
    }
    throw failure
  }

  private func connect(to address: SocketAddress) async throws(BeanstalkError) -> (Connection, UInt32) {
    let connection: Connection
    do {
      connection = try Connection(
        to: address, loop: endpoint.actor.loop, shared: endpoint.readBuffer, configuration: endpoint.configuration,
        delegate: self)
    } catch {
      throw BeanstalkError(.unreachable, "\(error)", cause: error)
    }
    attempt = connection
    let failure = await withUnsafeContinuation { opening = $0 }
    if let failure { throw failure }
    do throws(BeanstalkError) {
      let answer = try await connection.ask(.stats)
      guard let answer = answer.first, case .ok = answer.reply else {
        throw BeanstalkError.refusal(answer.first?.text ?? "nothing", to: "stats")
      }
      let statistics = ServerStatistics(yaml: answer.body)
      guard !statistics.instance.isEmpty else {
        throw BeanstalkError(.protocolViolation, "stats has no id: a beanstalkd of 1.4 or newer is needed")
      }
      guard connection.isOpen, !isStopped else { throw BeanstalkError(.connectionLost, "closed at once") }
      return (connection, endpoint.learn(statistics))
    } catch {
      connection.close(error)
      throw error
    }
  }

  private func stayUp(_ connection: Connection, instance: UInt32) async {
    self.connection = connection
    owner?.linkIsUp(connection, instance: instance)
    // Being told may have broken it already.
    guard connection.isOpen else { return }
    await withUnsafeContinuation { ending = $0 }
  }

  // MARK: ConnectionDelegate

  func connectionOpened(_ connection: Connection) {
    opening?.resume(returning: nil)
    opening = nil
  }

  func connectionDrained(_ connection: Connection) {
    if connection === self.connection { owner?.linkDrained() }
  }

  func connectionClosed(_ connection: Connection, _ error: BeanstalkError) {
    if attempt === connection { attempt = nil }
    opening?.resume(returning: error)
    opening = nil
    guard connection === self.connection else { return }
    self.connection = nil
    owner?.linkIsDown(error)
    ending?.resume()
    ending = nil
  }
}
