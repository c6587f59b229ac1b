import Foundation

/// Reference implementations in Python that tests check against: those of Tests/requirements.txt, in .build/venv.
public enum PythonPackages {
  /// Runs `script` with them, making the environment first if it isn't there.
  /// - Parameter input: its standard input.
  public static func run(_ script: String, input: String) async throws -> ServerProcess.Finished {
    try await ServerProcess.run(interpreter(), ["-c", script], input: input)
  }

  /// The python3 that has them, made first if it isn't there.
  public static func interpreter() async throws -> String {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().path
    let made = try await ServerProcess.run("\(root)/Scripts/test-venv.sh", within: .seconds(180))
    guard made.status == .code(0) else { throw Unexpected(description: "test-venv.sh: \(made.output)\(made.errors)") }
    return "\(root)/.build/venv/bin/python3"
  }
}
