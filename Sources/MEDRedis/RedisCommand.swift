/// One command: its name and its arguments, opaque bytes all.
public struct RedisCommand: Sendable, Equatable {
  /// The name first.
  public var words: [[UInt8]]

  /// A command of words that are bytes already.
  public init(words: [[UInt8]]) { self.words = words }

  /// A command by name, with arguments.
  public init(_ name: StaticString, _ arguments: [UInt8]...) {
    words = [name.withUTF8Buffer { Array($0) }] + arguments
  }

  /// A command by name, with arguments that are text.
  public init(_ name: StaticString, text first: String, _ others: String...) {
    words = [name.withUTF8Buffer { Array($0) }, Array(first.utf8)] + others.map { Array($0.utf8) }
  }

  /// Wire: `*<words>\r\n`, then `$<bytes>\r\n<bytes>\r\n` for each.
  func write(to output: inout [UInt8]) {
    output.append(UInt8(ascii: "*"))
    Self.writeLength(words.count, to: &output)
    for word in words {
      output.append(UInt8(ascii: "$"))
      Self.writeLength(word.count, to: &output)
      output.append(contentsOf: word)
      output.append(UInt8(ascii: "\r"))
      output.append(UInt8(ascii: "\n"))
    }
  }

  private static func writeLength(_ length: Int, to output: inout [UInt8]) {
    output.append(contentsOf: String(length).utf8)
    output.append(UInt8(ascii: "\r"))
    output.append(UInt8(ascii: "\n"))
  }
}
