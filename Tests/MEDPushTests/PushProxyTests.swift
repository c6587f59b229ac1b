import MEDCore
import MEDPush
import MEDTestSupport
import Testing

@Suite("§5 Push: through a proxy", .showsServerOutput)
struct PushProxyTests {
  private let receiver: TestReceiver

  init() throws { receiver = try TestReceiver() }

  private func configuration(_ proxy: PythonServer, credentials: String = "") -> PushConfiguration {
    var configuration = PushConfiguration()
    configuration.proxy = "http://\(credentials.isEmpty ? "" : credentials + "@")127.0.0.1:\(proxy.port)"
    return configuration
  }

  @Test func `http goes through the proxy as it is, and the proxy's password stays with the proxy`() async throws {
    let proxy = try await PythonServer.proxy(credentials: "bob:s3cret")
    let url = receiver.url("/in?a=b")
    let answer = try await push(.to(url), configuration(proxy, credentials: "bob:s3cret"))
    #expect(answer.status == 200 && answer.text == #"{"status":1}"#)
    #expect(proxy.seen.map { $0["target"] } == [url])
    let request = try #require(receiver.requests.first)
    #expect(request.path == "/in" && request.query("a") == "b")
    #expect(request.header("proxy-authorization") == nil && request.header("authorization") == nil)
  }

  @Test func `https goes through a tunnel, and the certificate is the subscriber's`() async throws {
    let certificates = try await TestCertificates()
    let proxy = try await PythonServer.proxy(credentials: "bob:s3cret")
    var configuration = configuration(proxy, credentials: "bob:s3cret")
    configuration.caFile = certificates.authority
    for kind in [TestCertificates.Kind.valid, .otherHost] {
      let server = try await PythonServer.tls(
        certificate: certificates.certificate(kind), key: certificates.key(kind))
      let answer = try await push(.to("https://127.0.0.1:\(server.port)/x", body: "hidden"), configuration)
      if kind == .valid {
        #expect(answer.status == 200, "\(answer)")
        #expect(server.seen.map { $0["body"] } == ["hidden"])
      } else {
        #expect(answer.failure?.kind == .tls, "\(answer)")
      }
    }
    #expect(proxy.seen.count == 2)
    #expect(proxy.seen.allSatisfy { $0["method"] == "CONNECT" })
  }

  @Test func `a proxy that refuses the password fails the push, and the text doesn't show it`() async throws {
    let proxy = try await PythonServer.proxy(credentials: "bob:other")
    let configuration = configuration(proxy, credentials: "bob:s3cret")
    #expect(try await push(.to(receiver.url()), configuration).status == 407)
    let failure = try #require(try await push(.to("https://127.0.0.1:1/"), configuration).failure)
    #expect(failure.kind == .protocolError)
    #expect(failure.message.contains("407"), "\(failure)")
    #expect(!failure.message.contains("s3cret") && !failure.message.contains("bob"))
    #expect(receiver.count() == 0)
  }

  @Test func `a tunnel that the proxy can't make fails the push`() async throws {
    let proxy = try await PythonServer.proxy()
    let failure = try #require(try await push(.to("https://127.0.0.1:1/"), configuration(proxy)).failure)
    #expect(failure.kind == .protocolError)
    #expect(failure.message.contains("502"), "\(failure)")
  }

  @Test func `with a proxy its own address is what DenyNetworks looks at`() async throws {
    let proxy = try await PythonServer.proxy()
    var configuration = configuration(proxy)
    configuration.denyNetworks = ["127.0.0.0/8"].compactMap(NetworkRange.init)
    let failure = try #require(try await push(.to(receiver.url()), configuration).failure)
    #expect(failure.kind == .deniedAddress)
    #expect(failure.message.contains("the proxy's address 127.0.0.1 "), "\(failure)")
    #expect(proxy.seen.isEmpty)

    // The target's address is the proxy's business.
    configuration.denyNetworks = ["127.0.0.2"].compactMap(NetworkRange.init)
    #expect(try await push(.to("http://127.0.0.2:1/"), configuration).status == 502)
  }

  @Test func `a socks proxy's password stays out of the text too`() async throws {
    var configuration = PushConfiguration()
    configuration.proxy = "socks5://bob:s3cret@127.0.0.1:\(try FreePort.next())"
    let failure = try #require(try await push(.to(receiver.url()), configuration).failure)
    #expect(failure.kind == .refused)
    #expect(!failure.message.contains("s3cret") && !failure.message.contains("bob"))
  }
}
