import MEDCore

/// A column as the database describes it: tables may be older than this program, or made by hand.
struct TableColumn: Equatable, Sendable {
  /// In lower case.
  let name: String
  /// `int`, `varchar`, `text`, `datetime` …
  let dataType: String
  let isUnsigned: Bool
  /// Of texts; nil: no bound, or no text.
  let maximumCharacters: Int?
  let maximumBytes: Int?
  /// nil for what is no text.
  let characterSet: String?
  let givesIDs: Bool

  /// A date and a time, where ours have seconds.
  var isTime: Bool { ["datetime", "timestamp", "date"].contains(dataType) }

  var isText: Bool { maximumBytes != nil }

  /// Columns of a table or view by name; empty: there is none.
  static func read(of table: String, _ handle: MySQLHandle) throws(StoreError) -> [String: TableColumn] {
    let rows = try handle.query(
      """
      SELECT column_name, data_type, column_type, character_maximum_length, character_octet_length, character_set_name,
        extra FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ?
      """, [.text(table)], columns: 7)
    var columns: [String: TableColumn] = [:]
    while try rows.next() {
      guard let name = rows.text(0)?.lowercased() else { continue }
      columns[name] = TableColumn(
        name: name, dataType: rows.text(1)?.lowercased() ?? "",
        isUnsigned: rows.text(2)?.lowercased().contains("unsigned") == true, maximumCharacters: rows.integer(3),
        maximumBytes: rows.integer(4), characterSet: rows.text(5)?.lowercased(),
        givesIDs: rows.text(6)?.lowercased().contains("auto_increment") == true)
    }
    return columns
  }

  /// What of `text` the column holds: whole characters, from the beginning.
  func fitted(_ text: String, atMostBytes limit: Int = .max) -> String {
    let bytes = min(maximumBytes ?? .max, limit)
    let characters = maximumCharacters ?? .max
    if text.utf8.count <= min(bytes, characters) { return text }
    var kept = String.UnicodeScalarView()
    var count = 0
    var size = 0
    for scalar in text.unicodeScalars {
      count += 1
      size += UTF8.width(scalar)
      if count > characters || size > bytes { break }
      kept.append(scalar)
    }
    return String(kept)
  }

  /// Whether nothing of `text` is lost.
  func holds(_ text: String) -> Bool {
    let bytes = text.utf8.count
    return bytes <= (maximumBytes ?? .max)
      && (bytes <= (maximumCharacters ?? .max) || text.unicodeScalars.count <= (maximumCharacters ?? .max))
  }

  /// The nearest number that the column holds.
  func clamped(_ number: Int64) -> Int64 {
    let bits: Int64 =
      switch dataType {
      case "tinyint": 8
      case "smallint": 16
      case "mediumint": 24
      case "int": 32
      default: 64
      }
    if bits == 64 { return isUnsigned ? max(number, 0) : number }
    let greatest: Int64 = isUnsigned ? (1 << bits) - 1 : (1 << (bits - 1)) - 1
    return min(max(number, isUnsigned ? 0 : -greatest - 1), greatest)
  }

  /// The text without the characters that the column's character set doesn't have, so that a strict server takes it.
  /// - Parameter isASCII: for character sets that we know nothing of.
  func representable(_ text: String, isASCII: Bool) -> String {
    switch characterSet {
    case nil, "utf8mb4", "binary": return text
    case "utf8", "utf8mb3":
      guard text.utf8.contains(where: { $0 >= 0xF0 }) else { return text }
      return String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value > 0xFFFF ? "\u{FFFD}" : $0 }))
    default:
      guard isASCII, text.utf8.contains(where: { $0 >= 0x80 }) else { return text }
      return String(String.UnicodeScalarView(text.unicodeScalars.map { $0.isASCII ? $0 : "?" }))
    }
  }
}
