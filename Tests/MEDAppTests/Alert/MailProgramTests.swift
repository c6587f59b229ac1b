import Foundation
import MEDTestSupport
import Testing

@testable import MEDApp
@testable import MEDCore

@Suite("§15 The local mail program", .showsServerOutput)
struct MailProgramTests {
  /// A program that stands in for sendmail.
  private final class Program {
    let directory: TemporaryDirectory
    var gateway: String { "sendmail://\(directory.file("sendmail"))" }

    init(_ script: String) throws {
      directory = try TemporaryDirectory("mail")
      try directory.write("#!/bin/sh\ncd '\(directory.path)'\n\(script)\n", to: "sendmail")
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: directory.file("sendmail"))
    }

    func run(_ mail: String = "To: a@x\n\nhello\n", limit: Duration = .seconds(60)) throws -> AlertOutcome {
      try #require(MailProgram(gateway, limit: limit)).send(Array(mail.utf8)) { false }
    }
  }

  @Test func `it gets the mail, its options, and little else`() throws {
    let program = try Program(
      """
      cat > mail
      printf '%s\\n' "$@" > arguments
      env > environment
      ls /proc/self/fd > descriptors
      """)
    setenv("MEDISPATCHER_ADMIN_TOKEN", "hush", 1)
    defer { unsetenv("MEDISPATCHER_ADMIN_TOKEN") }
    #expect(try program.run("To: a@x\n\n.\nhello\n") == .delivered)
    #expect(program.directory.read("mail") == "To: a@x\n\n.\nhello\n")
    #expect(program.directory.read("arguments") == "-i\n-t\n")
    #expect(!program.directory.read("environment").contains("hush"))
    // Those of ls: the standard ones and the directory that it reads.
    #expect(program.directory.read("descriptors").split(separator: "\n").count <= 4)
  }

  @Test func `a gateway sends by it, to an address and to nothing else`() async throws {
    let program = try Program("cat >> mail")
    try await GatewayStage.with { stage in
      stage.set { settings in
        settings.gateway = program.gateway
        settings.from = "medispatcher@x.example"
      }
      #expect(await stage.mail.send(GatewayStage.parcel()) == .delivered)
      #expect(program.directory.read("mail").contains("\nTo: a@x.example\n"))
      for hostile in ["a@x\nBcc: b@x", "-oX", "a@x b@x"] {
        guard case .refused = await stage.mail.send(GatewayStage.parcel(to: hostile)) else {
          Issue.record("\(hostile) was not refused")
          continue
        }
      }
      #expect(program.directory.read("mail").components(separatedBy: "To: ").count == 2)
      #expect(stage.receiver.count() == 0)
    }
  }

  @Test func `what it says of a failure is told, bounded and harmless`() throws {
    let program = try Program("cat > /dev/null; printf 'no\\033[2J such user\\n'; yes x | head -c 100000 >&2; exit 67")
    let problem = try #require(try program.run().problem)
    #expect(problem.hasPrefix(#"the mail program ended with 67: "no\u{1b}[2J such user\nx\nx"#), "\(problem)")
    #expect(problem.utf8.count < 2_000)
  }

  @Test func `one that ends without reading, or is killed, is a failure or not by its status alone`() throws {
    let long = String(repeating: "x", count: 1_000_000)
    #expect(try Program("exit 0").run(long) == .delivered)
    #expect(try Program("exit 75").run(long).problem == "the mail program ended with 75")
    #expect(try Program("kill -9 $$").run().problem == "the mail program ended by signal 9")
  }

  @Test func `one that takes a long mail slowly gets all of it`() throws {
    let program = try Program("head -c 10 > /dev/null; wc -c > count")
    #expect(try program.run(String(repeating: "x", count: 1_000_010)) == .delivered)
    #expect(program.directory.read("count").trimmingCharacters(in: .whitespacesAndNewlines) == "1000000")
  }

  @Test func `one that hangs is killed at its time, with its children, and reaped`() async throws {
    let program = try Program("sleep 1000 & echo $! > child; echo $$ > self; wait")  // why: it is to hang
    let problem = try program.run(limit: .seconds(3)).problem
    #expect(problem == "the mail program took too long")
    let own = try #require(pid_t(program.directory.read("self").trimmingCharacters(in: .whitespacesAndNewlines)))
    #expect(kill(own, 0) == -1 && errno == ESRCH, "it was reaped")
    let child = try #require(pid_t(program.directory.read("child").trimmingCharacters(in: .whitespacesAndNewlines)))
    try await eventually("its child has ended") { !isRunning(child) }
    #expect(MailProgram.limit == .seconds(10))
  }

  @Test func `a cancelled task ends it`() async throws {
    let program = try Program("echo $$ > self; exec sleep 1000")  // why: it is to hang
    try await GatewayStage.with { stage in
      stage.set { $0.gateway = program.gateway }
      let sending = Task { [mail = stage.mail] in await mail.send(GatewayStage.parcel()) }
      try await eventually("it runs") { !program.directory.read("self").isEmpty }
      sending.cancel()
      #expect(await sending.value.problem == "the dispatcher stopped")
    }
  }

  @Test func `one that isn't there, or is no program, is a failure`() async throws {
    let directory = try TemporaryDirectory("mail")
    try directory.write("x", to: "file")
    for path in [directory.file("nothing"), directory.file("file"), directory.path] {
      let program = try #require(MailProgram("sendmail://\(path)"))
      #expect(program.send([]) { false }.problem?.contains("it can't be started") == true)
    }
  }

  /// A zombie isn't, nor is one that is gone.
  private func isRunning(_ process: pid_t) -> Bool {
    let stat = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
    return !stat.isEmpty && !stat.contains(") Z ")
  }
}
