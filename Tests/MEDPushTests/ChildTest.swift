import Foundation
import MEDTestSupport

/// A test that needs a process of its own (an environment, a mount namespace, its memory): another run of this very test
/// binary, filtered to that one test.
enum ChildTest {
  private static let variable = "MED_CHILD_TEST"

  /// Whether this process was started for the test called `name`.
  static func isHere(_ name: String) -> Bool { ProcessInfo.processInfo.environment[variable] == name }

  /// Runs the test function `name`, which is enabled by ``isHere(_:)``.
  /// - Parameter wrapper: a command that runs the one after it, as `env` does.
  static func run(
    _ name: String, wrapper: [String] = [], environment: [String: String] = [:]
  ) async throws -> ServerProcess.Finished {
    let binary = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    var words = wrapper + [binary, "--testing-library", "swift-testing", "--filter", name]
    return try await ServerProcess.run(
      words.removeFirst(), words, environment: environment.merging([variable: name]) { $1 }, within: .seconds(90))
  }
}

extension ServerProcess.Finished {
  /// The one test ran, and passed.
  var hasPassed: Bool {
    status == .code(0) && (output + errors).contains("1 test in") && (output + errors).contains("passed after")
  }
}
