import Foundation
import MEDApp
import MEDCore
import MEDTestSupport

/// Queue servers with binlogs and a dispatcher, as an operator has them, in a directory of their own.
///
/// For programs that run them for long. Used by the main thread, whose end is the end of all of them, also of those that are stopped.
package final class Stage {
  package static let mainQueue = "main-incoming-queue"

  package let directory: String
  package let addresses: [QueueServerAddress]
  package private(set) var servers: [ChildProcess] = []
  package private(set) var dispatcher: ChildProcess?
  private let program: String
  private let serverArguments: [String]

  /// - Parameters:
  ///   - dispatcher: the path of the program.
  ///   - serverArguments: for each queue server, beside address and binlog.
  package init(_ name: String, servers count: Int, serverArguments: [String], dispatcher: String) throws {
    program = dispatcher
    self.serverArguments = serverArguments
    let parent = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
    directory = parent + "/medispatcher-\(name)-\(getpid())"
    addresses = try (0..<count).map { _ in QueueServerAddress(host: "127.0.0.1", port: try FreePort.next()) }
    try FileManager.default.createDirectory(atPath: directory + "/data", withIntermediateDirectories: true)
    for index in addresses.indices { servers.append(try launchServer(index)) }
  }

  package func file(_ name: String) -> String { directory + "/" + name }
  package var configPath: String { file("medispatcher.toml") }
  package var storePath: String { file("data/medispatcher.sqlite") }

  /// - Parameters:
  ///   - settings: TOML values by key, beside those below.
  ///   - tables: more tables.
  package func writeConfig(_ settings: [String: String], tables: String = "") throws {
    var values = [
      "QueueServerAddr": "\"\(addresses.map(\.description).joined(separator: ","))\"",
      "LOG_DIR": "\"\(file("log"))\"", "DATA_DIR": "\"\(file("data"))\"", "DropMessageLogDir": "\"\(file("drop"))\"",
      "SplitLog": "false", "EnableMsgSentLog": "false", "CoeOfIntervalForRetrySendingMsg": "1",
      "ListenAddr": "\"\"", "DebugAddr": "\"\"", "StatisticApiAddr": "\"\"", "PrometheusApiAddr": "\"\"",
    ]
    values.merge(settings) { $1 }
    let lines = values.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)\n" }
    let text = lines.joined() + "\n[Admin]\nAddr = \"\"\n\n[Store]\nType = \"sqlite\"\nRefreshInterval = 1\n" + tables
    try text.write(toFile: configPath, atomically: true, encoding: .utf8)
  }

  // MARK: Queue servers

  private func launchServer(_ index: Int) throws -> ChildProcess {
    guard let program = ChildProcess.find("beanstalkd") else {
      throw Unexpected(description: "beanstalkd isn't installed")
    }
    try FileManager.default.createDirectory(atPath: binlog(index), withIntermediateDirectories: true)
    let address = addresses[index]
    return try ChildProcess(
      program, ["-l", address.host, "-p", "\(address.port)", "-b", binlog(index)] + serverArguments,
      log: file("beanstalkd\(index).log"), deathSignal: "KILL")
  }

  private func binlog(_ index: Int) -> String { file("binlog\(index)") }

  /// How many binlog files there are.
  package func binlogFiles(_ index: Int) -> Int {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: binlog(index))) ?? []
    return names.count { $0.hasPrefix("binlog.") }
  }

  package func crashServer(_ index: Int) { servers[index].crash() }

  /// Starts it again after its end, with all that it had confirmed.
  package func startServer(_ index: Int) throws { servers[index] = try launchServer(index) }

  package func pauseServer(_ index: Int) { servers[index].send(SIGSTOP) }
  package func resumeServer(_ index: Int) { servers[index].send(SIGCONT) }

  // MARK: Dispatcher

  package func startDispatcher() throws {
    dispatcher = try ChildProcess(program, ["-f", configPath], log: file("medispatcher.log"), deathSignal: "KILL")
  }

  /// The last line that it wrote to its standard error or its error log.
  package var lastWords: String {
    let texts = ["medispatcher.log", "log/error.log"].compactMap {
      try? String(contentsOfFile: file($0), encoding: .utf8)
    }
    return texts.compactMap { $0.split(separator: "\n").last }.joined(separator: "; ")
  }

  /// - Returns: the exit status.
  package func stopDispatcher() -> Int32 {
    dispatcher?.stop(within: .seconds(60))
    return dispatcher?.exitStatus ?? -1
  }

  /// Ends everything that runs.
  package func end() {
    dispatcher?.stop(within: .seconds(60))
    for index in servers.indices {
      resumeServer(index)
      servers[index].stop(within: .seconds(5))
    }
  }

  package func removeFiles() { try? FileManager.default.removeItem(atPath: directory) }
}
