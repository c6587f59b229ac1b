import Foundation
import Testing

@testable import MEDApp

@Suite("§5 §16 [Push] CAFile and Proxy in the config file")
struct CertificateFileTests {
  private static let certificate = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n"

  private func problem(_ text: String) throws -> String? {
    let scratch = try Scratch()
    let path = scratch.path + "/ca.pem"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return CertificateFile.problem(path)?.replacing(path, with: "ca.pem")
  }

  @Test(arguments: [
    certificate, certificate + certificate, "a comment\r\n" + certificate.replacing("\n", with: "\r\n"),
    certificate.replacing("CERTIFICATE", with: "TRUSTED CERTIFICATE"),
    "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n" + certificate,
  ])
  func `a file with certificates is one`(text: String) throws {
    #expect(try problem(text) == nil)
  }

  @Test(arguments: [
    ("", "ca.pem holds no certificate (PEM)"), ("no certificate", "ca.pem holds no certificate (PEM)"),
    (certificate + "-----BEGIN CERTIFICATE-----\nMAMC\n", "ca.pem ends within a certificate"),
    (
      certificate.replacing("MAMCAQE=", with: "M*MCAQE="),
      "ca.pem has a certificate that is none, the one with the number 1"
    ),
    (
      certificate + certificate.replacing("MAMC", with: "AAMC"),
      "ca.pem has a certificate that is none, the one with the number 2"
    ),
    (
      "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
      "ca.pem has a certificate that is none, the one with the number 1"
    ),
  ])
  func `anything else is told`(text: String, told: String) throws {
    #expect(try problem(text) == told)
  }

  @Test func `a file that can't be read is told`() throws {
    let scratch = try Scratch()
    #expect(CertificateFile.problem(scratch.path + "/none")?.contains("No such file") == true)
    #expect(CertificateFile.problem(scratch.path)?.contains("directory") == true)
  }

  @Test func `only the check and the start look at the file, so that tools of other users go on`() throws {
    let text = "[Push]\nCAFile = \"/nowhere/ca.pem\"\n"
    let configuration = try Configuration.parse(text, path: "c.toml")
    #expect(configuration.settings.push.caFile == "/nowhere/ca.pem")
    #expect(
      configuration.fileProblems().map(\.description)
        == ["c.toml:2: error: [Push] CAFile: can't open /nowhere/ca.pem: No such file or directory"])
    #expect(throws: ConfigurationError.self) { try configuration.checkFiles() }
  }

  @Test(arguments: [
    "", "http://proxy:3128", "https://bob:s3cret@proxy:3128", "socks5://[::1]:1080", "socks5h://proxy/",
  ])
  func `a proxy is a URL of one of four schemes`(proxy: String) throws {
    #expect(try Configuration.parse("[Push]\nProxy = \"\(proxy)\"", path: "c").settings.push.proxy == proxy)
  }

  @Test(arguments: [
    "s3cret", "ftp://bob:s3cret@proxy", "http://", "http://bob:s3cret@", "http://:1/s3cret", "http://s3cret x",
  ])
  func `any other proxy is refused without showing it`(proxy: String) throws {
    let error = try #require(throws: ConfigurationError.self) {
      _ = try Configuration.parse("[Push]\nProxy = \"\(proxy)\"", path: "c.toml")
    }
    #expect(error.description.hasPrefix("c.toml:2: error: [Push] Proxy: found a string, allowed a http://"))
    #expect(!error.description.contains("s3cret"))
  }
}
