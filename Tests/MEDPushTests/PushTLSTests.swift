import MEDCore
import MEDPush
import MEDTestSupport
import Testing

@Suite("§5 Push: TLS", .showsServerOutput)
struct PushTLSTests {
  private let certificates: TestCertificates

  init() async throws { certificates = try await TestCertificates() }

  private func server(_ kind: TestCertificates.Kind) async throws -> PythonServer {
    try await PythonServer.tls(certificate: certificates.certificate(kind), key: certificates.key(kind))
  }

  private var configuration: PushConfiguration {
    var configuration = PushConfiguration()
    configuration.caFile = certificates.authority
    return configuration
  }

  @Test(arguments: ["127.0.0.1", "localhost"])
  func `a push over TLS is made to a server with a certificate of the authority in CAFile`(host: String) async throws {
    let server = try await server(.valid)
    let answer = try await push(.to("https://\(host):\(server.port)/x", body: "over TLS"), configuration)
    #expect(answer.status == 200 && answer.text == #"{"status":1}"#, "\(answer)")
    #expect(server.seen.map { $0["body"] } == ["over TLS"])
  }

  @Test func `connections over TLS are kept and reused`() async throws {
    let server = try await server(.valid)
    let url = "https://127.0.0.1:\(server.port)/"
    try await withSession(configuration) { actor, session in
      for _ in 0..<5 { #expect(await session.push(.to(url)).status == 200) }
    }
    #expect(server.seen.count == 5)
  }

  @Test func `without a CAFile the authorities of the system count`() async throws {
    let server = try await server(.valid)
    let failure = try #require(try await push(.to("https://127.0.0.1:\(server.port)/")).failure)
    #expect(failure.kind == .tls)
    #expect(failure.message.contains("certificate"), "\(failure)")
    #expect(server.seen.isEmpty)
  }

  @Test(arguments: [
    (TestCertificates.Kind.selfSigned, "self-signed"), (.otherHost, "127.0.0.1"), (.expired, "expired"),
  ])
  func `a push over TLS fails with an invalid certificate, and the text says what is wrong with it`(
    kind: TestCertificates.Kind, cause: String
  ) async throws {
    let server = try await server(kind)
    let failure = try #require(
      try await push(.to("https://127.0.0.1:\(server.port)/", body: "secret"), configuration).failure)
    #expect(failure.kind == .tls)
    #expect(failure.message.contains(cause), "\(failure)")
    #expect(server.seen.isEmpty)
  }

  @Test(arguments: TestCertificates.Kind.allCases)
  func `with VerifyTLS = false any certificate is taken`(kind: TestCertificates.Kind) async throws {
    let server = try await server(kind)
    var configuration = PushConfiguration()
    configuration.verifyTLS = false
    #expect(try await push(.to("https://127.0.0.1:\(server.port)/"), configuration).status == 200)
    #expect(server.seen.count == 1)
  }

  @Test func `a CAFile that isn't there fails pushes over TLS, and no others`() async throws {
    let server = try await server(.valid)
    let receiver = try TestReceiver()
    var configuration = PushConfiguration()
    configuration.caFile = certificates.authority + ".missing"
    let failure = try #require(try await push(.to("https://127.0.0.1:\(server.port)/"), configuration).failure)
    #expect(failure.kind == .tls, "\(failure)")
    #expect(try await push(.to(receiver.url()), configuration).status == 200)
  }
}
