import Foundation

extension ServerProcess {
  /// A command that ran to its end.
  public struct Finished: Sendable {
    public let status: ExitStatus
    public let output: String
    public let errors: String
  }

  /// Runs a command to its end, as an operator would at a terminal without one.
  /// - Parameters:
  ///   - binary: absolute path, or a name that is looked up.
  ///   - input: its standard input; empty by default.
  /// - Throws: ``NeverHappened`` if it doesn't end in time; it is killed then.
  public static func run(
    _ binary: String, _ arguments: [String] = [], environment: [String: String] = [:], input: String = "",
    workingDirectory: String? = nil, within limit: Duration = .seconds(30)
  ) async throws -> Finished {
    let directory = try TemporaryDirectory("run")
    let path = binary.hasPrefix("/") ? binary : try InstalledBinary.path(binary)
    let pid = try Spawner.spawn(
      path, arguments, environment: ProcessInfo.processInfo.environment.merging(environment) { $1 },
      directory: workingDirectory ?? directory.path, input: try directory.write(input, to: "input"),
      output: directory.file("output"), errors: directory.file("errors"))
    var raw: Int32 = 0
    do {
      try await eventually("\(path) ends", within: limit, every: .milliseconds(2)) {
        waitpid(pid, &raw, WNOHANG) == pid
      }
    } catch {
      kill(pid, SIGKILL)
      waitpid(pid, &raw, 0)
      throw NeverHappened(
        description: "\(error)\noutput:\n\(directory.read("output"))\nerrors:\n\(directory.read("errors"))")
    }
    let signal = raw & 0x7f
    return Finished(
      status: signal == 0 ? .code(raw >> 8 & 0xff) : .signal(signal), output: directory.read("output"),
      errors: directory.read("errors"))
  }
}
