/// Cuts what a client types into lines. Total: whatever the bytes are, it ends with lines or a problem.
///
/// Wire: words, each with LF or CR LF behind. Letters in either case, blanks around them don't count.
public struct ConsoleLines: Sendable {
  /// Bytes of a line, its end not counted.
  public static let maximumLength = 128

  /// What was typed.
  public enum Event: Sendable, Equatable {
    /// A line in lower case; what can't be printed is a question mark.
    case line(String)
    /// There is no end within the bound; nothing after that counts.
    case tooLong
  }

  private var bytes: [UInt8] = []
  private var position = 0
  private var isOver = false

  /// Nothing has arrived.
  public init() {}

  /// Bytes that have arrived and that no event was made of.
  public var heldBytes: Int { bytes.count - position }

  /// Takes what has arrived. After ``Event/tooLong`` nothing is taken any more.
  public mutating func append(_ part: some Sequence<UInt8>) {
    guard !isOver else { return }
    if position > 0 {
      bytes.removeSubrange(..<position)
      position = 0
    }
    bytes.append(contentsOf: part)
  }

  /// The next line; nil: more must arrive first, or nothing will come any more.
  public mutating func next() -> Event? {
    guard !isOver else { return nil }
    // The longest line with CR and LF.
    let part = bytes[position...].prefix(Self.maximumLength + 2)
    guard let end = part.firstIndex(of: UInt8(ascii: "\n")) else {
      return part.count > Self.maximumLength + 1 ? endTooLong() : nil
    }
    var line = bytes[position..<end]
    if line.last == UInt8(ascii: "\r") { line.removeLast() }
    guard line.count <= Self.maximumLength else { return endTooLong() }
    position = end + 1
    return .line(Self.text(line))
  }

  private mutating func endTooLong() -> Event {
    isOver = true
    bytes = []
    position = 0
    return .tooLong
  }

  private static func text(_ line: ArraySlice<UInt8>) -> String {
    let isBlank = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
    var line = line.drop(while: isBlank)
    while let last = line.last, isBlank(last) { line.removeLast() }
    let shown = line.map { (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: "?") }
    return String(decoding: shown, as: UTF8.self).lowercased()
  }
}
