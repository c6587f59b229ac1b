import Glibc

/// Writes a line to standard error.
public func printError(_ text: String) {
  try? writeAll((text + "\n").utf8, to: STDERR_FILENO)
}
