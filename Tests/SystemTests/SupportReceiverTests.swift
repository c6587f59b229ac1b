import MEDTestSupport
import Testing

@Suite("Test support: the receiver and messages")
struct TestReceiverTests {
  let receiver: TestReceiver

  init() throws { receiver = try TestReceiver() }

  @Test func `it records a request with its query, headers and form`() async throws {
    let answer = try PlainHTTP.send(
      "POST", port: receiver.port, path: "/a?jobid=1-2&empty=", headers: [("X-Name", "value")],
      body: Array("message=%7B%22a%22%3A1%7D&plus=a+b%2Bc&bare".utf8))
    #expect(answer.status == 200)
    #expect(answer.text == #"{"status":1}"#)
    let request = try #require(try await receiver.waitFor(count: 1, on: "/a").first)
    #expect(request.method == "POST")
    #expect(request.path == "/a")
    #expect(request.query("jobid") == "1-2")
    #expect(request.query("empty") == "")
    #expect(request.header("x-name") == "value")
    #expect(request.field("message") == #"{"a":1}"#)
    #expect(request.field("plus") == "a b+c")
    #expect(request.form.map(\.name) == ["message", "plus", "bare"])
    #expect(request.connection == 1)
    #expect(request.number == 1)
    #expect(receiver.count() == 1)
    #expect(receiver.count("/b") == 0)
  }

  @Test func `answers come in turn and the last one stays`() throws {
    receiver.on("/turn", inTurn: [.status(500), .refused, .ok])
    let statuses = try (0..<4).map { _ in try get("/turn") }.map { "\($0.status) \($0.text)" }
    #expect(statuses == ["500 ", #"200 {"status":0}"#, #"200 {"status":1}"#, #"200 {"status":1}"#])
  }

  @Test func `a closure decides by the request`() throws {
    receiver.on("/closure") { .status(200 + $0.number) }
    receiver.onAnyOther { _ in .status(404) }
    #expect(try [get("/closure"), get("/closure"), get("/other")].map(\.status) == [201, 202, 404])
  }

  @Test func `it frames a body as it is told`() throws {
    receiver.on("/chunked", .bytes(Array("abcde".utf8)).chunked(2))
    receiver.on("/close", .bytes(Array("abcde".utf8)).untilClose())
    receiver.on("/gzip", .gzip([0x1f, 0x8b]))
    #expect(try get("/chunked").text == "2\r\nab\r\n2\r\ncd\r\n1\r\ne\r\n0\r\n\r\n")
    #expect(try get("/close").text == "abcde")
    #expect(try get("/gzip").headers.contains { $0 == ("content-encoding", "gzip") })
    #expect(try get("/gzip").body == [0x1f, 0x8b])
  }

  @Test func `it hangs up before an answer, and in the middle of one`() throws {
    receiver.on("/before", .hangUp)
    // why: the head is 41 bytes long
    receiver.on("/within", .bytes(Array("0123456789".utf8)).cut(after: 45))
    #expect(throws: Unexpected.self) { try get("/before") }
    let partial = try get("/within")
    #expect(partial.headers.contains { $0 == ("content-length", "10") })
    #expect(partial.text == "0123")
  }

  @Test func `it hangs until the client goes, which it notices`() async throws {
    receiver.on("/hang", .hang)
    #expect(throws: SystemError.self) { try get("/hang", timeout: .milliseconds(50)) }
    #expect(receiver.maxInFlight("/hang") == 1)
    try await eventually("it notices") { receiver.inFlight("/hang") == 0 && receiver.openConnections == 0 }
  }

  @Test func `it delays and drips`() throws {
    receiver.on("/delay", .ok.delayed(.milliseconds(60)))
    receiver.on("/drip", .ok.dripping(20, every: .milliseconds(10)))
    #expect(try ContinuousClock().measure { _ = try get("/delay") } >= .milliseconds(60))
    var answer: PlainHTTP.Response?
    // why: the answer has more than 80 bytes, so at least four pauses lie within it
    #expect(try ContinuousClock().measure { answer = try get("/drip") } >= .milliseconds(40))
    #expect(answer?.text == #"{"status":1}"#)
  }

  @Test func `an endless answer has no end`() throws {
    receiver.on("/endless", .endless("0123456789"))
    let exchange = try PlainHTTP.Exchange(port: receiver.port, path: "/endless")
    #expect(try exchange.read(2_000_000).suffix(10).sorted() == Array("0123456789".utf8))
  }

  @Test func `held requests count as in flight until they are released`() async throws {
    receiver.hold("/held")
    let exchanges = try (0..<3).map { _ in try PlainHTTP.Exchange(port: receiver.port, path: "/held") }
    try await receiver.waitFor(count: 3, on: "/held")
    #expect(receiver.inFlight("/held") == 3)
    receiver.release("/held")
    #expect(try exchanges.map { try $0.response().status } == [200, 200, 200])
    #expect(receiver.maxInFlight("/held") == 3)
    #expect(receiver.inFlight("/held") == 0)
    #expect(receiver.connections == 3)
  }

  @Test func `it refuses and lets in again on the same port`() throws {
    _ = try get("/")
    receiver.refuse()
    #expect(throws: SystemError.self) { try get("/") }
    try receiver.accept()
    #expect(try get("/").status == 200)
  }

  @Test func `a message is the msgpack map that producers send`() {
    let message = TestMessage(
      topic: "t", body: [1, -1, 300, "é", nil, true, 0.5], sender: nil, time: nil, logID: 70_000)
    #expect(
      message.encoded
        == [0x83] + str("MsgKey") + str("t") + str("Body") + [
          0x97, 1, 0xff, 0xcd, 1, 0x2c, 0xa2, 0xc3, 0xa9, 0xc0, 0xc3,
        ]
        + [0xcb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0] + str("LogId") + [0xce, 0, 1, 0x11, 0x70])
  }

  private func str(_ text: String) -> [UInt8] { [0xa0 | UInt8(text.utf8.count)] + Array(text.utf8) }

  private func get(_ path: String, timeout: Duration = .seconds(5)) throws -> PlainHTTP.Response {
    try PlainHTTP.send(port: receiver.port, path: path, timeout: timeout)
  }
}
