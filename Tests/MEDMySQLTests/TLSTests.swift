import MEDCore
import MEDTestSupport
import Testing

import class MEDLoop.ConnectionBreaker

@testable import MEDMySQL

@Suite("§7 MySQL store: TLS", .showsServerOutput)
struct TLSTests {
  /// The cipher in use; nil: the connection isn't encrypted.
  private func cipher(_ database: TestDatabase, _ options: String) throws -> String? {
    let handle = try MySQLConnector(database.configuration(options: options)).connect(ConnectionBreaker())
    let rows = try handle.query("SHOW SESSION STATUS LIKE 'Ssl_cipher'", columns: 2)
    guard try rows.next(), let cipher = rows.text(1), !cipher.isEmpty else { return nil }
    return cipher
  }

  private func server(_ certificates: TestCertificates, _ kind: TestCertificates.Kind) async throws -> TestDatabase {
    try await TestDatabase.make(
      on: try await MariaDBServer.start([
        "--ssl-cert=\(certificates.certificate(kind))", "--ssl-key=\(certificates.key(kind))",
      ]))
  }

  @Test func `tls=true takes a certificate of the authority that is named, for the host that is connected to`()
    async throws
  {
    let certificates = try await TestCertificates()
    let database = try await server(certificates, .valid)
    #expect(try cipher(database, "tls=true&tlsCA=\(certificates.authority)") != nil)
    #expect(try cipher(database, "tlsCA=\(certificates.authority)") != nil, "who names an authority wants it asked")
    #expect(try cipher(database, "tls=skip-verify") != nil)
    #expect(try cipher(database, "tls=preferred") != nil)
    #expect(try cipher(database, "") == nil)
    // The system's authorities don't know ours.
    #expect(throws: StoreError.self) { try cipher(database, "tls=true") }
    let store = try database.store(options: "tls=true&tlsCA=\(certificates.authority)")
    try await store.open()
    await store.close()
  }

  @Test(arguments: [TestCertificates.Kind.otherHost, .expired, .selfSigned])
  func `tls=true takes no other certificate, skip-verify any`(kind: TestCertificates.Kind) async throws {
    let certificates = try await TestCertificates()
    let database = try await server(certificates, kind)
    #expect(throws: StoreError.self) { try cipher(database, "tls=true&tlsCA=\(certificates.authority)") }
    #expect(try cipher(database, "tls=skip-verify") != nil)
  }

  @Test func `a server without TLS is refused where it is demanded, and taken where it is preferred`() async throws {
    let database = try await TestDatabase.make()
    for option in ["tls=true", "tls=skip-verify"] {
      let error = try #require(#expect(throws: StoreError.self) { try cipher(database, option) })
      #expect(error.code == .unavailable)
    }
    #expect(try cipher(database, "tls=preferred") == nil)
  }
}
