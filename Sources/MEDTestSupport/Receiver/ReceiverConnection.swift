import Glibc

/// One connection of a ``TestReceiver``: requests in, one after the other, and the answer that is being written.
final class ReceiverConnection {
  /// The answer in hand.
  private struct Writing {
    let path: String
    let answer: Answer
    var rest: ArraySlice<UInt8>
    var due: ContinuousClock.Instant
  }

  let socket: Int32
  let number: Int
  private(set) var isClosed = false
  private var reader = RequestReader()
  private var writing: Writing?

  /// The path of the request that isn't answered to its end yet.
  var pathInFlight: String? { writing?.path }

  init(socket: Int32, number: Int) {
    self.socket = socket
    self.number = number
  }

  deinit { close() }

  func close() {
    if isClosed { return }
    isClosed = true
    Glibc.close(socket)
  }

  func interests(held: Set<String>, at now: ContinuousClock.Instant) -> pollfd? {
    if isClosed { return nil }
    // why: always readable, so that a client that goes away while its answer waits is noticed
    let events = isWaiting(held: held, at: now) ? POLLIN : POLLIN | Int32(POLLOUT)
    return pollfd(fd: socket, events: Int16(events), revents: 0)
  }

  func nextDue(held: Set<String>, after now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
    guard let writing, !writing.answer.hangs, !held.contains(writing.path) else { return nil }
    return writing.due > now ? writing.due : nil
  }

  /// Reads what has come: false if the client has gone.
  func read() -> Bool {
    switch TCP.read(socket) {
    case .bytes(let bytes):
      reader.append(bytes)
      return true
    case .nothingYet: return true
    case .end, .failed: return false
    }
  }

  /// The next whole request, if none is being answered.
  func nextRequest() -> RequestReader.Outcome { writing == nil ? reader.next() : .incomplete }

  func goOn() { _ = TCP.write(socket, Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)[...]) }

  func begin(_ answer: Answer, path: String) {
    let wire = answer.wire
    let rest = wire.prefix(answer.cutAfter ?? wire.count)
    writing = Writing(path: path, answer: answer, rest: rest, due: .now.advanced(by: answer.delay))
  }

  /// Writes what is due. True once the answer is finished; the connection is closed if the answer wants that.
  func write(held: Set<String>) -> Bool {
    guard var current = writing, !isWaiting(held: held, at: .now) else { return false }
    let piece = current.rest.prefix(current.answer.drip?.bytes ?? current.rest.count)
    guard let count = TCP.write(socket, piece) else {
      finish(closing: true)
      return true
    }
    current.rest = current.rest.dropFirst(count)
    if let drip = current.answer.drip { current.due = .now.advanced(by: drip.pause) }
    if current.rest.isEmpty, case .endless = current.answer.framing, current.answer.cutAfter == nil {
      let piece = current.answer.body.isEmpty ? [UInt8(ascii: ".")] : current.answer.body
      current.rest = Array(repeatElement(piece, count: max(1, 16_384 / piece.count)).joined())[...]
    }
    writing = current
    guard current.rest.isEmpty else { return false }
    finish(closing: current.answer.closesConnection)
    return true
  }

  private func finish(closing: Bool) {
    writing = nil
    if closing { close() }
  }

  private func isWaiting(held: Set<String>, at now: ContinuousClock.Instant) -> Bool {
    guard let writing else { return true }
    return writing.answer.hangs || held.contains(writing.path) || writing.due > now
  }
}
