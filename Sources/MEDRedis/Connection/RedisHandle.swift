import CHiredis
import Glibc
import MEDLoop

/// An open connection: owner of a `redisContext`, freed in one place. Blocks; used by one thread at a time.
///
/// hiredis connects and parses. Bytes are moved here, because its own calls wait for each read anew (a server that drips
/// would hold them for ever), and write without MSG_NOSIGNAL.
final class RedisHandle {
  private static let readSize = 64 << 10

  let address: RedisAddress
  private let context: UnsafeMutablePointer<redisContext>
  private let socket: Int32
  private let reader: ReplyReader
  private let breaker: ConnectionBreaker
  private let replyTimeout: Duration
  private var input = [UInt8](repeating: 0, count: readSize)

  init(_ address: RedisAddress, _ configuration: RedisConfiguration, _ breaker: ConnectionBreaker) throws(RedisError) {
    let (seconds, rest) = max(configuration.connectTimeout, .milliseconds(1)).components
    let timeout = timeval(tv_sec: Int(clamping: min(seconds, 3600)), tv_usec: Int(rest / 1_000_000_000_000))
    guard let context = redisConnectWithTimeout(address.host, Int32(address.port), timeout) else {
      throw RedisError(.unavailable, "\(address): no memory for a connection")
    }
    guard context.pointee.err == 0 else {
      let text = med_connection_error(context).map { String(cString: $0) } ?? ""
      redisFree(context)
      throw RedisError(.unavailable, "\(address): \(text)")
    }
    do throws(RedisError) {
      reader = try ReplyReader(
        maximumBytes: configuration.maximumReplyBytes, maximumElements: configuration.maximumReplyElements)
    } catch {
      redisFree(context)
      throw error
    }
    self.address = address
    self.context = context
    self.breaker = breaker
    socket = context.pointee.fd
    replyTimeout = configuration.replyTimeout
    var on: Int32 = 1
    let size = socklen_t(MemoryLayout<Int32>.size)
    // A server whose machine is gone says nothing, also while nothing is asked.
    setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, size)
    setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, size)
    guard breaker.opened(socket) else { throw RedisError(.closed, "the client is closed") }
  }

  deinit {
    breaker.willClose()
    redisFree(context)
  }

  /// False: the server has hung up, or said something unasked.
  var isUsable: Bool {
    guard !reader.hasLeftovers else { return false }
    var byte: UInt8 = 0
    let count = recv(socket, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT))
    return count < 0 && (errno == EAGAIN || errno == EINTR)
  }

  /// Sends what is in `output` and reads the replies to it, of which there must be `count`.
  func exchange(_ output: [UInt8], replies count: Int) throws(RedisError) -> [RedisValue] {
    var answers: [RedisValue] = []
    answers.reserveCapacity(count)
    do throws(RedisError) {
      try exchange(output, replies: count, into: &answers)
      return answers
    } catch {
      throw RedisError(error.code, "\(address): \(error.message)", server: error.server, answers: answers)
    }
  }

  private func exchange(
    _ output: [UInt8], replies count: Int, into answers: inout [RedisValue]
  ) throws(RedisError) {
    reader.begin()
    var sent = 0
    var deadline = ContinuousClock.now + replyTimeout
    while answers.count < count || sent < output.count {
      let events = try wait(toWrite: sent < output.count, until: deadline)
      if events & Int16(POLLOUT) != 0 { sent += try write(output, from: sent) }
      guard events & ~Int16(POLLOUT) != 0 else { continue }
      try read()
      while answers.count < count, let answer = try reader.next() {
        answers.append(answer)
        deadline = .now + replyTimeout
      }
      guard answers.count < count || sent == output.count else {
        throw RedisError(.malformed, "the server has answered what it wasn't asked yet")
      }
    }
  }

  private func wait(toWrite: Bool, until deadline: ContinuousClock.Instant) throws(RedisError) -> Int16 {
    while true {
      let left = ContinuousClock.now.duration(to: deadline)
      guard left > .zero else { throw RedisError(.unanswered, "no answer within \(replyTimeout)") }
      let (seconds, rest) = left.components
      let milliseconds = min(seconds, 3600) * 1000 + rest / 1_000_000_000_000_000 + 1
      var descriptor = pollfd(
        fd: socket, events: Int16(POLLIN) | (toWrite ? Int16(POLLOUT) : 0), revents: 0)
      let ready = poll(&descriptor, 1, Int32(clamping: milliseconds))
      if ready > 0 { return descriptor.revents }
      guard ready == 0 || errno == EINTR else { throw Self.lost(errno) }
    }
  }

  private func write(_ output: [UInt8], from start: Int) throws(RedisError) -> Int {
    let flags = Int32(MSG_NOSIGNAL | MSG_DONTWAIT)
    let count = output.withUnsafeBytes { bytes in
      let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
      return send(socket, rest.baseAddress, rest.count, flags)
    }
    if count >= 0 { return count }
    guard errno == EAGAIN || errno == EINTR else { throw Self.lost(errno) }
    return 0
  }

  private func read() throws(RedisError) {
    let count = input.withUnsafeMutableBytes { recv(socket, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT)) }
    if count == 0 { throw RedisError(.unanswered, "the server has hung up") }
    if count < 0 {
      guard errno == EAGAIN || errno == EINTR else { throw Self.lost(errno) }
      return
    }
    try input.withUnsafeBufferPointer { bytes throws(RedisError) in
      try reader.feed(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[..<count]))
    }
  }

  private static func lost(_ code: Int32) -> RedisError {
    RedisError(.unanswered, String(cString: strerror(code)))
  }
}
