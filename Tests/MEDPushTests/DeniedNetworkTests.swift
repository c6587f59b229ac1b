import Glibc
import MEDCore
import MEDLoop
import MEDPush
import MEDTestSupport
import Testing

@Suite("§5 Denied networks: the address really connected to")
struct DeniedNetworkTests {
  private static let hosts = """
    127.0.0.1 allowed.example
    127.0.0.2 denied.example
    127.0.0.2 first.example
    127.0.0.1 first.example
    127.0.0.1 last.example
    127.0.0.2 last.example
    127.0.0.2 refusing.example
    127.0.0.3 refusing.example
    ::ffff:127.0.0.2 mapped.example

    """

  private static var denying: PushConfiguration {
    var configuration = PushConfiguration()
    configuration.denyNetworks = ["127.0.0.2"].compactMap(NetworkRange.init)
    return configuration
  }

  @Test(arguments: [
    "127.0.0.2", "127.2", "2130706434", "0x7f000002", "0x7f.0.0.2", "0177.0.0.02", "017700000002",
  ])
  func `an IPv4 address is denied however it is written`(host: String) async throws {
    let failure = try #require(try await push(.to("http://\(host):1/"), Self.denying).failure)
    #expect(failure.kind == .deniedAddress)
    #expect(failure.message == "not connected: the address 127.0.0.2 is in a denied network")
  }

  @Test(.enabled(if: RawServer.hasIPv6, "no IPv6 here"), arguments: ["::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.2"])
  func `an IPv6 address is denied however it is written`(host: String) async throws {
    var configuration = Self.denying
    configuration.denyNetworks += ["::1"].compactMap(NetworkRange.init)
    let failure = try #require(try await push(.to("http://[\(host)]:1/"), configuration).failure)
    #expect(failure.kind == .deniedAddress)
    #expect(failure.message.contains(host.contains("ffff") ? " 127.0.0.2 " : " ::1 "), "\(failure)")
  }

  @Test func `a redirect to a denied network, or to any other place, is not followed`() async throws {
    let receiver = try TestReceiver()
    for location in ["http://169.254.169.254/latest/meta-data", receiver.url("/elsewhere")] {
      receiver.on("/", .status(302, headers: [("Location", location)]))
      #expect(try await push(.to(receiver.url())).status == 302)
    }
    #expect(receiver.count("/elsewhere") == 0)
  }

  @Test(.enabled(if: geteuid() == 0, "only root may mount"))
  func `of a name's addresses the denied ones are left out, whatever connections are kept`() async throws {
    let directory = try TemporaryDirectory("hosts")
    let file = try directory.write(Self.hosts, to: "hosts")
    let script = "mount --bind \(file) /etc/hosts && exec \"$@\""
    let child = try await ChildTest.run(
      "childWithNamesOfItsOwn", wrapper: ["/usr/bin/unshare", "-m", "/bin/sh", "-c", script, "sh"])
    #expect(child.hasPassed, "\(child.output)\(child.errors)")
  }

  @Test(.enabled(if: ChildTest.isHere("childWithNamesOfItsOwn"))) func childWithNamesOfItsOwn() async throws {
    let receiver = try TestReceiver()
    let port = receiver.port
    try await withSession(Self.denying) { actor, session in
      // In turn over one session, whose connections are kept.
      for _ in 0..<3 {
        #expect(await session.push(.to("http://allowed.example:\(port)/")).status == 200)
        #expect(await session.push(.to("http://denied.example:\(port)/")).failure?.kind == .deniedAddress)
      }
      #expect(receiver.connections == 1)
      for host in ["first.example", "last.example"] {
        #expect(await session.push(.to("http://\(host):\(port)/")).status == 200)
      }
      // An allowed address was tried and refused: that is what there is to tell.
      #expect(await session.push(.to("http://refusing.example:\(port)/")).failure?.kind == .refused)
      if RawServer.hasIPv6 {
        #expect(await session.push(.to("http://mapped.example:\(port)/")).failure?.kind == .deniedAddress)
      }
    }
    #expect(receiver.count() == 5)
  }
}
