import Glibc
import MEDCore
import MEDLoop
import MEDPush
import MEDTestSupport
import Testing

/// The resolver really hangs: a mount namespace of its own, whose resolv.conf names a server that never answers.
@Suite("§5 A resolver that hangs holds up nothing else")
struct HangingResolverTests {
  private static let name = "http://hangs.example/"

  @Test(.enabled(if: geteuid() == 0, "only root may mount"))
  func `pushes go on, deadlines hold and closing isn't delayed while names are being resolved`() async throws {
    let directory = try TemporaryDirectory("resolver")
    let server = try SilentNameServer()
    // Two tries of ten seconds: far beyond every bound below.
    let file = try directory.write("nameserver \(server.address)\noptions timeout:10 attempts:2\n", to: "resolv.conf")
    let script = "mount --bind \(file) /etc/resolv.conf && exec \"$@\""
    let child = try await ChildTest.run(
      "childWithHangingResolver", wrapper: ["/usr/bin/unshare", "-m", "/bin/sh", "-c", script, "sh"])
    #expect(child.hasPassed, "\(child.output)\(child.errors)")
    #expect(server.hasBeenAsked)
  }

  @Test(.enabled(if: ChildTest.isHere("childWithHangingResolver"))) func childWithHangingResolver() async throws {
    let receiver = try TestReceiver()
    let url = receiver.url()
    try await withSession { actor, session in
      let seen = Seen<(PushAnswer, Duration)>()
      let start = ContinuousClock.now
      let timedOut = (0..<10).map { _ in
        actor.spawn {
          let answer = await session.push(.to(Self.name, timeout: .milliseconds(500)))
          seen.values.append((answer, .now - start))
        }
      }
      // Meanwhile, 300 others, each as fast as ever.
      await repeated(300, atOnce: 4, on: actor) { _ in
        let answer = await session.push(.to(url, timeout: .seconds(2), concurrency: 4))
        #expect(answer.status == 200)
      }
      for task in timedOut { await task.value }
      for (answer, elapsed) in seen.values {
        #expect(answer.failure?.kind == .timedOut)
        #expect(elapsed >= .milliseconds(490), "\(elapsed)")
      }
      #expect(seen.values.count == 10)

      // A cancellation in that state, and a close with resolving transfers in flight.
      let cancelled = actor.spawn { seen.values.append((await session.push(.to(Self.name)), .now - start)) }
      let closed = actor.spawn { seen.values.append((await session.push(.to(Self.name)), .now - start)) }
      try await actor.loop.sleep(for: .milliseconds(50))
      // The resolver hangs for as long as the test runs: waiting for it would never end.
      cancelled.cancel()
      await cancelled.value
      await session.close()
      await closed.value
      #expect(seen.values.suffix(2).map { $0.0.failure?.kind } == [.cancelled, .cancelled])
    }
  }
}

/// A UDP socket on a loopback address's port 53 that is never read.
private final class SilentNameServer: Sendable {
  let address: String
  private let socket: Int32

  init() throws {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else { throw SystemError("socket") }
    for last in 100..<200 {
      let text = "127.0.53.\(last)"
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = in_port_t(53).bigEndian
      inet_pton(AF_INET, text, &address.sin_addr)
      let code = withUnsafeBytes(of: &address) {
        bind(socket, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
      }
      if code == 0 {
        self.address = text
        self.socket = socket
        return
      }
    }
    close(socket)
    throw SystemError("bind port 53")
  }

  deinit { close(socket) }

  var hasBeenAsked: Bool {
    var byte: UInt8 = 0
    return recv(socket, &byte, 1, Int32(MSG_DONTWAIT)) > 0
  }
}
