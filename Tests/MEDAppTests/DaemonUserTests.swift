import Foundation
import Glibc
import Testing

@testable import MEDApp

@Suite("§16 DAEMON_USER", .enabled(if: geteuid() == 0, "needs root"))
struct DaemonUserTests {
  private func config(_ scratch: Scratch, _ more: String) throws -> String {
    let path = scratch.path + "/c.toml"
    let text = """
      LOG_DIR = "\(scratch.path)/new/log"
      DATA_DIR = "\(scratch.path)/new/data"
      DropMessageLogDir = "\(scratch.path)/new/drop"
      SplitLog = false
      QueueServerAddr = "127.0.0.1:1"
      MaxMessageProcessTime = 1000
      ListenAddr = ""
      StatisticApiAddr = ""
      PrometheusApiAddr = ""
      \(more)
      [Admin]
      Addr = ""
      """
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  private func owner(_ path: String) -> uid_t? {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_uid : nil
  }

  private func status(_ pid: pid_t, _ key: String) -> [String] {
    let text = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix(key + ":") } ?? ""
    return line.split { $0 == "\t" || $0 == " " }.dropFirst().map(String.init)
  }

  @Test func `it becomes the user for good, with its groups alone, and all that it writes is the user's`() throws {
    let scratch = try Scratch()
    let user = try #require(getpwnam("nobody")).pointee
    // An earlier run as root left these; and something that isn't ours lies there too.
    let log = scratch.path + "/new/log"
    let data = scratch.path + "/new/data"
    for directory in [log, data] {
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }
    for file in [log + "/info.log", log + "/data.log", data + "/medispatcher.lock", log + "/others.txt"] {
      try "".write(toFile: file, atomically: false, encoding: .utf8)
      chmod(file, 0o600)
    }
    let secret = scratch.path + "/secret"
    try "".write(toFile: secret, atomically: false, encoding: .utf8)
    #expect(link(secret, log + "/warn.log") == 0)
    #expect(symlink(secret, log + "/debug.log") == 0)

    let pidFile = scratch.path + "/pid"
    let path = try config(scratch, "DAEMON_USER = \"nobody\"\nPidFile = \"\(pidFile)\"")
    let running = try RunningProgram("medispatcher", ["-f", path])
    #expect(eventually { scratch.text("new/log/info.log")?.contains("starting") == true }, "\(running.errors)")
    let pid = running.process.processIdentifier
    #expect(status(pid, "Uid") == Array(repeating: "\(user.pw_uid)", count: 4))
    #expect(status(pid, "Gid") == Array(repeating: "\(user.pw_gid)", count: 4))
    #expect(status(pid, "Groups").allSatisfy { $0 == "\(user.pw_gid)" })
    #expect(status(pid, "CapEff") == ["0000000000000000"])
    #expect(eventually { FileManager.default.fileExists(atPath: data + "/medispatcher.sqlite") })
    for name in ["log", "data", "drop", "log/info.log", "log/data.log", "data/medispatcher.sqlite"] {
      #expect(owner(scratch.path + "/new/" + name) == user.pw_uid, "\(name)")
    }
    for file in [secret, log + "/others.txt", log + "/warn.log", log + "/debug.log"] { #expect(owner(file) == 0) }
    #expect(scratch.text("pid") == "\(pid)\n")

    // The config file is read again by the user, and log files are opened anew by it.
    try FileManager.default.moveItem(atPath: log + "/info.log", toPath: log + "/info.log.1")
    running.signal(SIGHUP)
    #expect(eventually { scratch.text("new/log/info.log")?.contains("config file was read") == true })
    #expect(owner(log + "/info.log") == user.pw_uid)
    running.signal(SIGTERM)
    #expect(running.wait() == 0)
    // The directory of the pid file is root's.
    #expect(scratch.text("pid") == "")
    let again = try RunningProgram("medispatcher", ["-f", path])
    #expect(eventually { scratch.text("pid") == "\(again.process.processIdentifier)\n" })
    again.signal(SIGTERM)
    #expect([0, -SIGTERM].contains(again.wait()))
  }

  @Test func `a directory of the system isn't given away`() throws {
    let scratch = try Scratch()
    let path = try config(scratch, "DAEMON_USER = \"nobody\"").description
    let text = try String(contentsOfFile: path, encoding: .utf8)
    try text.replacing("LOG_DIR = \"\(scratch.path)/new/log\"", with: "LOG_DIR = \"/var/log/\"")
      .write(toFile: path, atomically: true, encoding: .utf8)
    let run = try ProgramRun("medispatcher", ["-f", path])
    #expect(run.status == 1)
    #expect(run.errors.contains("LOG_DIR: /var/log is the system's and can't be given to \"nobody\""))
    #expect(owner("/var/log") == 0)
  }

  @Test func `without root only root's help is named`() throws {
    let scratch = try Scratch()
    // Where the program was built not everybody may go.
    let copy = scratch.path + "/medispatcher"
    try FileManager.default.copyItem(atPath: siblingProgram("medispatcher"), toPath: copy)
    let directory = scratch.path + "/new"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    chmod(directory, 0o777)
    let path = try config(scratch, "DAEMON_USER = \"daemon\"")
    let arguments = ["--reuid", "65534", "--regid", "65534", "--clear-groups", copy, "-f", path]
    let run = try ProgramRun("/usr/bin/setpriv", arguments)
    #expect(run.status == 1)
    #expect(run.errors.contains("DAEMON_USER: only root can become \"daemon\"; start as root or as that user"))
  }

  @Test func `a config file that the user can't read is told by a reload, and the settings stay`() throws {
    let scratch = try Scratch()
    let path = try config(scratch, "DAEMON_USER = \"nobody\"")
    chmod(path, 0o600)
    let running = try RunningProgram("medispatcher", ["-f", path])
    #expect(eventually { scratch.text("new/log/info.log")?.contains("starting") == true })
    running.signal(SIGHUP)
    #expect(
      eventually { scratch.text("new/log/error.log")?.contains("can't open \(path): Permission denied") == true })
    running.signal(SIGTERM)
    #expect(running.wait() == 0)
  }
}
