import Foundation

/// Reference implementations in Python that tests check against: those of Tests/requirements.txt, in .build/venv.
public enum PythonPackages {
  /// Runs `script` with them, making the environment first if it isn't there.
  /// - Parameter input: its standard input.
  public static func run(_ script: String, input: String) async throws -> ServerProcess.Finished {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().path
    let made = try await ServerProcess.run("\(root)/Scripts/test-venv.sh", within: .seconds(180))
    guard made.status == .code(0) else { throw Unexpected(description: "test-venv.sh: \(made.output)\(made.errors)") }
    return try await ServerProcess.run("\(root)/.build/venv/bin/python3", ["-c", script], input: input)
  }
}
