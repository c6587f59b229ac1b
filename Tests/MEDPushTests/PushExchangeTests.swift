import MEDCore
import MEDPush
import MEDTestSupport
import Testing

@Suite("§5 Push: the exchange")
struct PushExchangeTests {
  private let receiver: TestReceiver

  init() throws { receiver = try TestReceiver() }

  @Test func `a push is a POST with the body, the query and the headers that the contract names`() async throws {
    var configuration = PushConfiguration()
    configuration.userAgent = "MEDispatcher/1.2.3"
    let answer = try await push(
      .to(
        receiver.url("/orders?a=b&jobid=7"), body: "jobid=7&message=%22x%22",
        headers: [("X-Jumei-Context", "{\"a\":1}")]),
      configuration)
    #expect(answer.status == 200)
    #expect(answer.text == #"{"status":1}"#)
    #expect(answer.isTruncated == false)
    let request = try #require(receiver.requests("/orders").first)
    #expect(request.method == "POST")
    #expect(request.text == "jobid=7&message=%22x%22")
    #expect(request.query("jobid") == "7")
    #expect(request.header("user-agent") == "MEDispatcher/1.2.3")
    #expect(request.header("accept") == "*/*")
    #expect(request.header("accept-encoding") == "gzip")
    #expect(request.header("content-type") == "application/x-www-form-urlencoded")
    #expect(request.header("x-jumei-context") == "{\"a\":1}")
    #expect(
      request.headers.map(\.name).sorted() == [
        "accept", "accept-encoding", "content-length", "content-type", "host", "user-agent", "x-jumei-context",
      ])
  }

  @Test func `headers and content types of one push are not sent with the next`() async throws {
    let url = receiver.url()
    try await withSession { actor, session in
      _ = await session.push(.to(url, headers: [("X-Jumei-Context", "a")]))
      _ = await session.push(.to(url))
      var json = PushRequest.to(url, headers: [("X-Empty", "")])
      json.contentType = "application/json"
      _ = await session.push(json)
    }
    let requests = receiver.requests
    #expect(requests.map { $0.header("x-jumei-context") } == ["a", nil, nil])
    #expect(requests.map { $0.header("x-empty") } == [nil, nil, ""])
    #expect(requests.last?.header("content-type") == "application/json")
  }

  @Test(arguments: ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\u{0}b"])
  func `a header that could smuggle another one is left out and the push is made`(value: String) async throws {
    let answer = try await push(.to(receiver.url(), headers: [("X-Jumei-Context", value), ("X-Fine", "1")]))
    #expect(answer.status == 200)
    let request = try #require(receiver.requests.first)
    #expect(request.header("x-jumei-context") == nil)
    #expect(request.header("x-evil") == nil)
    #expect(request.header("x-fine") == "1")
  }

  @Test(arguments: [0, 1, 70_000, 3_000_000])
  func `a body of any size arrives whole, and no 100 Continue is asked for`(size: Int) async throws {
    let body = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      for index in 0..<size { buffer[index] = UInt8(truncatingIfNeeded: index &* 31) }
      count = size
    }
    var request = PushRequest.to(receiver.url())
    request.body = body
    #expect(try await push(request).status == 200)
    let received = try #require(receiver.requests.first)
    #expect(received.body == body)
    #expect(received.header("expect") == nil)
    #expect(received.header("transfer-encoding") == nil)
  }

  @Test func `a chunked answer is put together`() async throws {
    receiver.on("/", .ok.chunked(3))
    #expect(try await push(.to(receiver.url())).text == #"{"status":1}"#)
  }

  @Test func `an answer without a length ends with its connection`() async throws {
    receiver.on("/", .ok.untilClose())
    #expect(try await push(.to(receiver.url())).text == #"{"status":1}"#)
  }

  @Test(arguments: [200, 204, 304, 404, 500, 503])
  func `a status without a body is an answer`(status: Int) async throws {
    receiver.on("/", .status(status))
    let answer = try await push(.to(receiver.url()))
    #expect(answer.status == status)
    #expect(answer.text == "")
  }

  @Test(arguments: [301, 302, 303, 307, 308])
  func `a redirect is an answer, not followed`(status: Int) async throws {
    receiver.on("/", .status(status, headers: [("Location", receiver.url("/elsewhere"))]))
    #expect(try await push(.to(receiver.url())).status == status)
    #expect(receiver.count("/elsewhere") == 0)
    #expect(receiver.count() == 1)
  }

  @Test func `Retry-After is handed on as it stood there`() async throws {
    for value in ["120", "Fri, 31 Dec 1999 23:59:59 GMT"] {
      receiver.on("/", .status(503, headers: [("rETRY-aFTER", "  \(value) ")]))
      #expect(try await push(.to(receiver.url())).retryAfter == value)
    }
    for value in ["", String(repeating: "1", count: 65)] {
      receiver.on("/", .status(503, headers: [("Retry-After", value)]))
      let answer = try await push(.to(receiver.url()))
      #expect(answer.status == 503)
      #expect(answer.retryAfter == nil)
    }
  }

  @Test(.enabled(if: RawServer.hasIPv6, "no IPv6 here"))
  func `an IPv6 literal is connected to`() async throws {
    let server = try RawServer(reply: Array("HTTP/1.1 201 Made\r\nContent-Length: 2\r\n\r\nv6".utf8), family: 10)
    let answer = try await push(.to("http://[::1]:\(server.port)/"))
    #expect(answer.status == 201)
    #expect(answer.text == "v6")
  }

  @Test func `user and password of a URL are sent as basic authentication`() async throws {
    _ = try await push(.to("http://bob:s3cret@127.0.0.1:\(receiver.port)/"))
    #expect(receiver.requests.first?.header("authorization") == "Basic Ym9iOnMzY3JldA==")
  }

  @Test func `the environment's proxy is ignored`() async throws {
    let child = try await ChildTest.run(
      "childIgnoresProxies",
      environment: ["http_proxy": "http://127.0.0.1:1", "all_proxy": "http://127.0.0.1:1", "no_proxy": ""])
    #expect(child.hasPassed, "\(child.output)\(child.errors)")
  }

  @Test(.enabled(if: ChildTest.isHere("childIgnoresProxies"))) func childIgnoresProxies() async throws {
    #expect(try await push(.to(receiver.url())).status == 200)
  }

  @Test func `a configured proxy is used, and its password stays out of messages`() async throws {
    var configuration = PushConfiguration()
    configuration.proxy = "http://bob:s3cret@127.0.0.1:\(receiver.port)"
    #expect(try await push(.to("http://subscriber.invalid/x"), configuration).status == 200)
    #expect(receiver.requests.first?.header("proxy-authorization") == "Basic Ym9iOnMzY3JldA==")
    configuration.proxy = "http://bob:s3cret@127.0.0.1:1"
    let failure = try #require(try await push(.to("http://subscriber.invalid/x"), configuration).failure)
    #expect(failure.kind == .refused)
    #expect(!failure.message.contains("s3cret"))
  }

  @Test func `an embedder pushes from anywhere, with one pusher and its connections`() async throws {
    let pusher = CurlPusher()
    let url = receiver.url()
    for _ in 0..<5 { #expect(await pusher.push(.to(url)).status == 200) }
    #expect(receiver.connections == 1)
    let statuses = await withTaskGroup(of: Int?.self) { group in
      for _ in 0..<20 { group.addTask { await pusher.push(.to(url)).status } }
      return await group.reduce(into: [Int?]()) { $0.append($1) }
    }
    #expect(statuses == Array(repeating: 200, count: 20))
  }

  @Test func `the last copy of a pusher closes its connections`() async throws {
    do {
      let pusher = CurlPusher()
      #expect(await pusher.push(.to(receiver.url())).status == 200)
      #expect(receiver.openConnections == 1)
    }
    try await eventually("the connection is closed") { receiver.openConnections == 0 }
  }
}
