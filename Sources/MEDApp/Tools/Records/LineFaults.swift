import MEDCore

/// Lines that hold no record: named on standard error, the first ones, and counted.
struct LineFaults {
  private(set) var malformed = 0
  private(set) var tooLong = 0

  /// Named at most.
  static let named = 20
  private static let excerpt = 120

  var count: Int { malformed + tooLong }

  /// Counts `entry`, and gives the text that names it while there are few.
  mutating func note(_ entry: DataLogReader.Entry, in file: RecordFile) -> String? {
    let what: String
    switch entry.content {
    case .malformed(let fault, let line):
      malformed += 1
      what = "is no record: \(fault): \(Self.shown(line))"
    case .tooLong:
      tooLong += 1
      what = "is too long: \(entry.end - entry.start) bytes"
    case .record, .torn: return nil
    }
    if count > Self.named + 1 { return nil }
    if count > Self.named { return "further lines that are no record are counted" }
    return "\(Self.place(entry.start, in: file)) \(what)"
  }

  static func place(_ offset: UInt64, in file: RecordFile) -> String {
    "\(escapeControlCharacters(file.path[...])): line \(file.line(at: offset)) (byte \(offset))"
  }

  private static func shown(_ line: [UInt8]) -> String {
    let text = String(decoding: line.prefix(excerpt), as: UTF8.self)
    return escapeControlCharacters(text[...]) + (line.count > excerpt ? " …" : "")
  }
}
