import Glibc

/// Writes a line to standard output, at once, also if that isn't a terminal.
func printLine(_ text: String) {
  try? writeAll((text + "\n").utf8, to: STDOUT_FILENO)
}

/// Writes a line to standard error.
public func printError(_ text: String) {
  try? writeAll((text + "\n").utf8, to: STDERR_FILENO)
}

/// The path of a program that lies in the same directory as this one.
public func siblingProgram(_ name: String) -> String {
  var buffer = [CChar](repeating: 0, count: 4096)
  let count = readlink("/proc/self/exe", &buffer, buffer.count)
  let path = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  return path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex) + "/" + name
}

/// What a command line tool reads its payloads from.
public enum ToolInput {
  static let maximumBytes = 1 << 30

  /// - Parameters:
  ///   - argument: JSON, or `-` for standard input.
  ///   - file: read if there is no argument; `-` is standard input here too.
  /// - Throws: also if there are more than 1 GiB.
  public static func payloads(argument: String?, file: String?) throws -> [[UInt8]] {
    try payloads(argument: argument, file: file, atMost: maximumBytes)
  }

  static func payloads(argument: String?, file: String?, atMost maximumBytes: Int) throws -> [[UInt8]] {
    let text: [UInt8]
    if let argument, argument != "-" {
      text = Array(argument.utf8)
    } else if let file, file != "-" {
      text = try readFile(file, atMost: maximumBytes)
    } else {
      text = try readAll(STDIN_FILENO, named: "standard input", atMost: maximumBytes)
    }
    return try OutgoingMessage.payloads(in: text)
  }
}
