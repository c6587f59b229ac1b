import Glibc
import MEDLoop
import Testing

@testable import MEDApp

@Suite("§14 The test subscriber")
struct ReceiverTests {
  private static let body = "jobid=1700000000.123456-7-3&retry_times=2&message=%7B%22a%22%3A1+%7D"
  private static let text =
    "POST /a/b?x=1&jobid=1700000000.123456-7-3&retry_times=2 HTTP/1.1\r\nHost: h\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"

  private func parse<Result>(_ text: String, _ body: (ReceivedRequest.Outcome, UnsafeRawBufferPointer) -> Result)
    -> Result
  {
    Array(text.utf8).withUnsafeBytes { body(ReceivedRequest.parse($0, from: 0), $0) }
  }

  @Test func `a push is read: path, job id, retries, message and publish time`() {
    parse(Self.text) { outcome, bytes in
      guard case .complete(let request) = outcome else {
        Issue.record("not complete")
        return
      }
      #expect(String(decoding: bytes[request.path], as: UTF8.self) == "/a/b")
      #expect(request.end == bytes.count)
      #expect(request.isKeptAlive)
      let seen = SeenRequest(request, in: bytes, arrivedMicroseconds: 0)
      #expect(seen.retryTimes == 2)
      #expect(seen.publishedMicroseconds == 1_700_000_000_123_456)
      let message = FormFields.range(of: "message", in: bytes, request.body).map { FormFields.decode(bytes, $0) }
      #expect(message.map { String(decoding: $0, as: UTF8.self) } == "{\"a\":1 }")
    }
  }

  @Test func `every cut of a request is incomplete, never something else`() {
    let all = Array(Self.text.utf8)
    for end in 0..<all.count {
      all[..<end].withUnsafeBytes { bytes in
        guard case .incomplete = ReceivedRequest.parse(UnsafeRawBufferPointer(rebasing: bytes[...]), from: 0) else {
          Issue.record("at \(end)")
          return
        }
      }
    }
  }

  @Test(arguments: [
    ("\r\n\r\n", 400), ("GET\r\n\r\n", 400), ("GET  HTTP/1.1\r\n\r\n", 400), ("GET / SPDY/9\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 413),
    ("GET / HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n", 413),
    ("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
  ])
  func `what can't be understood gets a status and the end`(text: String, status: Int) {
    parse(text) { outcome, _ in
      guard case .malformed(let found) = outcome else {
        Issue.record("not malformed")
        return
      }
      #expect(found == status)
    }
  }

  @Test func `a head without an end is bounded`() {
    parse("GET / HTTP/1.1\r\n" + String(repeating: "A: b\r\n", count: 20_000)) { outcome, _ in
      guard case .malformed(431) = outcome else {
        Issue.record("not refused")
        return
      }
    }
  }

  @Test func `escapes that are none stay as they are`() {
    let bytes = Array("%4%zz%41%".utf8)
    #expect(bytes.withUnsafeBytes { FormFields.decode($0, 0..<bytes.count) } == Array("%4%zzA%".utf8))
  }

  @Test func `counters tell first deliveries, failures, retries and duplicates apart`() {
    var counters = ReceiverCounters()
    func record(_ job: String, retry: Int, succeeds: Bool) {
      let text = "POST /?jobid=\(job)&retry_times=\(retry) HTTP/1.1\r\n\r\n"
      parse(text) { outcome, bytes in
        guard case .complete(let request) = outcome else { return }
        counters.record(SeenRequest(request, in: bytes, arrivedMicroseconds: 5_000_000), succeeds: succeeds)
      }
    }
    record("1.000000-1-1", retry: 0, succeeds: false)
    record("1.000000-1-1", retry: 1, succeeds: true)
    record("1.000000-1-1", retry: 1, succeeds: true)
    record("2.000000-2-1", retry: 0, succeeds: true)
    #expect(counters.requests == 4)
    #expect(counters.delivered == 2)
    #expect(counters.failed == 1)
    #expect(counters.retried == 2)
    #expect(counters.duplicates == 1)
    #expect(counters.latency.count == 2)
    #expect(counters.latency.quantile(1) == .seconds(4))
  }

  @Test func `quantiles are within 7 percent`() throws {
    var histogram = LatencyHistogram()
    for value in 1...10_000 { histogram.record(microseconds: Int64(value)) }
    for fraction in [0.01, 0.5, 0.99, 1] {
      let found = try #require(histogram.quantile(fraction)) / .microseconds(1)
      #expect(abs(found - fraction * 10_000) <= fraction * 700)
    }
    histogram.record(microseconds: .max)
    histogram.record(microseconds: -5)
    #expect(histogram.count == 10_002)
    #expect(LatencyHistogram().quantile(0.5) == nil)
  }

  @Test func `it answers pushes of one connection in order and fails every nth`() throws {
    var options = DemoReceiver.Options()
    options.failEvery = 3
    let receiver = try DemoReceiver(options)
    try receiver.start()
    defer { receiver.stop() }
    let socket = try connectTCP(host: "127.0.0.1", port: receiver.address.port, timeout: .seconds(5))
    defer { close(socket) }
    let all = Array(String(repeating: Self.text, count: 6).utf8)
    // Cut where it hurts: within a head, and within a body.
    for part in [all[..<40], all[40..<200], all[200...]] { try writeAll(part, to: socket) }
    var answers = ""
    var buffer = [UInt8](repeating: 0, count: 65536)
    while answers.split(separator: "HTTP/1.1").count < 6 || !answers.hasSuffix("}") {
      let count = read(socket, &buffer, buffer.count)
      try #require(count > 0)
      answers += String(decoding: buffer[..<count], as: UTF8.self)
    }
    #expect(answers.split(separator: "HTTP/1.1 ").map { $0.prefix(3) } == ["200", "200", "500", "200", "200", "500"])
    #expect(receiver.snapshot()["/a/b"]?.failed == 2)
    #expect(receiver.snapshot()["/a/b"]?.duplicates == 3)
  }

  /// Answers by the number of the request: a success, half a success, nothing.
  private final class Script: ReceiverScript {
    let heard = Locked<[Bool]>([])
    let answered = Locked(0)

    func answer(to message: DemoReceiver.Message, isHeard: Bool) -> ReceiverAnswer {
      let number = heard.withLock { heard in
        heard.append(isHeard)
        return heard.count
      }
      return switch number {
      case 1: .success
      case 2: .bytes(Array("HTTP/1.1 200".utf8), closes: true)
      default: .bytes([], closes: true)
      }
    }

    func answered(_ message: DemoReceiver.Message) { answered.withLock { $0 += 1 } }
  }

  @Test func `a script decides about each answer, and is told which successes are out`() throws {
    let script = Script()
    let receiver = try DemoReceiver(DemoReceiver.Options())
    try receiver.start(script: script)
    let socket = try connectTCP(host: "127.0.0.1", port: receiver.address.port, timeout: .seconds(5))
    defer { close(socket) }
    func exchange() throws -> String {
      try writeAll(Self.text.utf8, to: socket)
      var buffer = [UInt8](repeating: 0, count: 4096)
      return String(decoding: buffer[..<max(0, read(socket, &buffer, buffer.count))], as: UTF8.self)
    }
    #expect(try exchange().hasSuffix(#"{"status":1}"#))
    #expect(try exchange() == "HTTP/1.1 200")
    var rest = [UInt8](repeating: 0, count: 1)
    #expect(read(socket, &rest, 1) == 0)
    receiver.stop()
    #expect(script.heard.withLock { $0 } == [true, true])
    #expect(script.answered.withLock { $0 } == 1)
  }
}
