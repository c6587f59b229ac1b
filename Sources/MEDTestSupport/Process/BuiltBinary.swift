import Foundation

/// Executables that tests start.
public enum BuiltBinary {
  /// The absolute path of an executable of this package, built beside the running tests.
  public static func path(_ name: String) throws -> String {
    let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let path = URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent(name).path
    guard FileManager.default.isExecutableFile(atPath: path) else {
      throw Unexpected(description: "\(path) is not built; `swift build` makes it")
    }
    return path
  }
}

/// Executables that the machine must have.
enum InstalledBinary {
  /// `name` in PATH or where Debian puts servers, which is not in everybody's PATH.
  static func path(_ name: String) throws -> String {
    let search = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
    for directory in search + ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"] {
      let path = "\(directory)/\(name)"
      if FileManager.default.isExecutableFile(atPath: path) { return path }
    }
    throw Unexpected(description: "\(name) is not installed; `make install` does it")
  }
}
