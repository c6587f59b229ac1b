import Foundation
import Testing

@testable import MEDApp

/// What a program did: its exit code and what it printed.
struct ProgramRun {
  let status: Int32
  let output: String
  let errors: String

  /// Runs a built program to its end, for at most 20 seconds.
  init(_ name: String, _ arguments: [String], environment: [String: String] = [:]) throws {
    let running = try RunningProgram(name, arguments, environment: environment)
    status = running.wait()
    output = running.output
    errors = running.errors
  }
}

/// A built program that runs.
final class RunningProgram {
  let process = Process()
  private let scratch: Scratch

  /// - Parameter name: a built program, or an absolute path.
  init(_ name: String, _ arguments: [String], environment: [String: String] = [:]) throws {
    scratch = try Scratch()
    process.executableURL = URL(fileURLWithPath: name.hasPrefix("/") ? name : siblingProgram(name))
    process.arguments = arguments
    // What a sanitizer is to do counts for programs too.
    let sanitizers = ProcessInfo.processInfo.environment.filter { $0.key.hasSuffix("SAN_OPTIONS") }
    process.environment = ["PATH": "/usr/bin:/bin"].merging(sanitizers) { $1 }.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    for (name, set) in [("out", \Process.standardOutput), ("err", \Process.standardError)] {
      let path = scratch.path + "/" + name
      _ = FileManager.default.createFile(atPath: path, contents: nil)
      process[keyPath: set] = FileHandle(forWritingAtPath: path)
    }
    try process.run()
  }

  deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

  var output: String { scratch.text("out") ?? "" }
  var errors: String { scratch.text("err") ?? "" }

  func signal(_ number: Int32) { kill(process.processIdentifier, number) }

  /// - Returns: the exit code, -1 if it had to be killed.
  func wait() -> Int32 {
    guard eventually({ !self.process.isRunning }) else { return -1 }
    return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
  }
}

@Suite("§16 The programs")
struct BinaryTests {
  private func config(_ scratch: Scratch, _ more: String = "") throws -> String {
    let path = scratch.path + "/c.toml"
    // Tests run side by side: only one of them could have the default addresses.
    let debug = more.contains("DebugAddr") ? "" : "DebugAddr = \"\""
    let admin = more.contains("[Admin]") ? "" : "[Admin]\nAddr = \"\""
    let text = """
      \(debug)
      ListenAddr = ""
      StatisticApiAddr = ""
      PrometheusApiAddr = ""
      LOG_DIR = "\(scratch.path)/new/log/"
      DATA_DIR = "\(scratch.path)/new/data"
      DropMessageLogDir = "\(scratch.path)/new/drop"
      SplitLog = false
      QueueServerAddr = "127.0.0.1:1"
      \(more)
      \(admin)
      """
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  @Test(arguments: ["medispatcher", "amender", "medctl"])
  func `help and version end with 0, wrong arguments with 64`(program: String) throws {
    let help = try ProgramRun(program, ["--help"])
    #expect(help.status == 0)
    #expect(help.output.contains("Examples:"))
    let version = try ProgramRun(program, ["--version"])
    #expect(version.status == 0)
    #expect(version.output.hasPrefix(BuildInformation.current.version))
    #expect(try ProgramRun(program, ["--no-such-option"]).status == 64)
  }

  @Test(arguments: [
    ["medispatcher", "-f", "a", "b"], ["amender", "-c", "0"], ["medctl", "publish", "t"],
    ["medctl", "publish", "t", "1", "--count", "0"], ["medctl", "receive", "--listen", "x"],
    ["medctl", "demo", "--messages", "0"], ["medctl", "nothing"],
  ])
  func `arguments out of bounds end with 64`(command: [String]) throws {
    #expect(try ProgramRun(command[0], Array(command.dropFirst())).status == 64)
  }

  @Test(arguments: [
    ["medispatcher"], ["medispatcher", "--check-config"], ["medctl", "publish", "t", "1"],
  ])
  func `a config file that can't be used ends with 78`(command: [String]) throws {
    let scratch = try Scratch()
    let path = try config(scratch, "SplitLogs = 1\nListenersOfMainQueue = 0\nRunAtBench = 2")
    let run = try ProgramRun(command[0], Array(command.dropFirst()) + ["-f", path])
    #expect(run.status == 78)
    let all = run.output + run.errors
    #expect(all.contains("\(path):11: error: ListenersOfMainQueue: found 0, allowed 1 ... 64 listeners"))
    #expect(all.contains("\(path):12: error: RunAtBench: found 2, allowed true or false"))
  }

  @Test func `--check-config names the safer defaults that are in force`() throws {
    let scratch = try Scratch()
    let run = try ProgramRun("medispatcher", ["--check-config", try config(scratch, "DebugAddr = \"0.0.0.0:1\"")])
    #expect(run.status == 0)
    #expect(["VerifyTLS", "DenyNetworks", "AllowFrom"].allSatisfy { run.output.contains($0) })
    #expect(!run.output.contains("DebugAddr"))
    #expect(!FileManager.default.fileExists(atPath: scratch.path + "/new"))
  }

  @Test(arguments: [SIGTERM, SIGINT, SIGQUIT])
  func `directories are made, a pid file is held, and a signal ends with 0`(signal: Int32) throws {
    let scratch = try Scratch()
    let pidFile = scratch.path + "/pid"
    let path = try config(scratch, "PidFile = \"\(pidFile)\"")
    let running = try RunningProgram("medispatcher", ["-f", path])
    #expect(eventually { scratch.text("new/log/info.log")?.contains("starting") == true })
    #expect(scratch.text("pid") == "\(running.process.processIdentifier)\n")
    #expect(FileManager.default.fileExists(atPath: scratch.path + "/new/drop"))
    running.signal(signal)
    #expect(running.wait() == 0)
    #expect(scratch.text("pid") == nil)
    #expect(scratch.text("new/log/info.log")?.contains("stopped") == true)
  }

  @Test func `a second instance on one DATA_DIR is refused, also after a crash of another`() throws {
    let scratch = try Scratch()
    let path = try config(scratch)
    let first = try RunningProgram("medispatcher", ["-f", path])
    #expect(eventually { scratch.text("new/log/info.log")?.contains("starting") == true })
    let second = try ProgramRun("medispatcher", ["-f", path])
    #expect(second.status == 1)
    #expect(second.errors.contains("is held by a running process (pid \(first.process.processIdentifier))"))
    first.signal(SIGKILL)
    #expect(first.wait() == -SIGKILL)
    let third = try RunningProgram("medispatcher", ["-f", path])
    #expect(eventually { scratch.text("new/log/info.log")?.contains("pid=\(third.process.processIdentifier)") == true })
    third.signal(SIGTERM)
    #expect(third.wait() == 0)
  }

  @Test func `HUP opens the log files anew, USR1 switches debug logging`() throws {
    let scratch = try Scratch()
    let running = try RunningProgram("medispatcher", ["-f", try config(scratch)])
    let log = scratch.path + "/new/log/info.log"
    #expect(eventually { scratch.text("new/log/info.log")?.contains("starting") == true })
    try FileManager.default.moveItem(atPath: log, toPath: log + ".1")
    running.signal(SIGHUP)
    #expect(eventually { scratch.text("new/log/info.log")?.contains("opened anew") == true })
    running.signal(SIGUSR1)
    #expect(eventually { scratch.text("new/log/info.log")?.contains("on=true") == true })
    running.signal(SIGTERM)
    #expect(running.wait() == 0)
  }

  @Test func `with Output stdout the log is JSON lines`() throws {
    let scratch = try Scratch()
    let running = try RunningProgram("medispatcher", ["-f", try config(scratch, "[Log]\nOutput = \"stdout\"")])
    #expect(eventually { running.output.contains("starting") })
    running.signal(SIGTERM)
    #expect(running.wait() == 0)
    let lines = running.output.split(separator: "\n")
    #expect(lines.count >= 2)
    for line in lines { #expect((try? JSONSerialization.jsonObject(with: Data(line.utf8))) != nil, "\(line)") }
  }

  @Test func `a directory that can't be made is named`() throws {
    let scratch = try Scratch()
    try "".write(toFile: scratch.path + "/new", atomically: true, encoding: .utf8)
    let run = try ProgramRun("medispatcher", ["-f", try config(scratch)])
    #expect(run.status == 1)
    #expect(run.errors.contains("LOG_DIR: ") && run.errors.contains(scratch.path + "/new"))
  }

  @Test func `an unknown DAEMON_USER is named, the present one changes nothing`() throws {
    let scratch = try Scratch()
    let run = try ProgramRun("medispatcher", ["-f", try config(scratch, "DAEMON_USER = \"no-such-user\"")])
    #expect(run.status == 1)
    #expect(run.errors.contains("DAEMON_USER: there is no user \"no-such-user\""))
    #expect(throws: Never.self) { try Privileges.drop(to: NSUserName(), owned: []) }
  }

  @Test func `medctl adds and lists subscriptions`() throws {
    let scratch = try Scratch()
    let path = try config(scratch)
    try FileManager.default.createDirectory(atPath: scratch.path + "/new/data", withIntermediateDirectories: true)
    let add = try ProgramRun(
      "medctl", ["subscriptions", "add", "-f", path, "t", "http://127.0.0.1:1/?a=b", "Concurrency=3", "--json"])
    #expect(add.status == 0)
    #expect(add.output == "{\"id\":1}\n")
    let list = try ProgramRun("medctl", ["subscriptions", "list", "-f", path])
    #expect(list.output == "1  t  (medctl)\n    http://127.0.0.1:1/?a=b\n    Concurrency=3\n")
    let wrong = try ProgramRun("medctl", ["subscriptions", "add", "-f", path, "t", "http://h/", "Concurrency=0"])
    #expect(wrong.status == 64)
    #expect(wrong.errors.contains("Concurrency"))
  }
}
