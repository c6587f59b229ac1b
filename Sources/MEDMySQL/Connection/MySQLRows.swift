import CMariaDB
import MEDCore

/// The rows that a statement has given, one after another. Whatever types the columns have, nothing traps.
///
/// They are freed with this object, or when the statement is executed again.
final class MySQLRows {
  private let statement: MySQLStatement
  private let buffers: ResultBuffers
  private let generation: Int

  init(_ statement: MySQLStatement, _ buffers: ResultBuffers) {
    self.statement = statement
    self.buffers = buffers
    generation = statement.generation
  }

  deinit { if generation == statement.generation { _ = mysql_stmt_free_result(statement.pointer) } }

  /// Goes to the next row; false: there is none.
  func next() throws(StoreError) -> Bool {
    guard generation == statement.generation else { return false }
    buffers.beginRow()
    switch mysql_stmt_fetch(statement.pointer) {
    case 0: return true
    case MYSQL_NO_DATA: return false
    case MYSQL_DATA_TRUNCATED:
      guard buffers.fetchRest(statement.pointer) else { throw statement.error() }
      return true
    default: throw statement.error()
    }
  }

  /// Goes before the first row.
  func rewind() { mysql_stmt_data_seek(statement.pointer, 0) }

  /// Whether the row has a text that is longer than was asked for; it reads as nil.
  var isOversized: Bool { buffers.isOversized }

  /// Text, or a number or a date as text; nil for NULL. Invalid UTF-8, as binary columns may have it, is repaired.
  func text(_ column: Int) -> String? { buffers.bytes(column).map { String(decoding: $0, as: UTF8.self) } }

  /// A whole number that an `Int` holds, also if it is kept as text or as a float; else nil.
  func integer(_ column: Int) -> Int? {
    guard let bytes = buffers.bytes(column), !bytes.isEmpty, bytes.count <= 64 else { return nil }
    if let number = Self.decimal(bytes) { return number }
    let text = String(decoding: bytes, as: UTF8.self)
    return Int(text) ?? Double(text).flatMap { Int(exactly: $0) }
  }

  /// A number, also if it is kept as text; else nil.
  func real(_ column: Int) -> Double? {
    guard let bytes = buffers.bytes(column), bytes.count <= 400 else { return nil }
    return Double(String(decoding: bytes, as: UTF8.self))
  }

  /// Adds the row to a fingerprint: lengths and bytes of all columns.
  func hash(into hasher: inout Hasher) {
    for column in 0..<buffers.count {
      guard let bytes = buffers.bytes(column) else {
        hasher.combine(-1)
        continue
      }
      hasher.combine(bytes.count)
      hasher.combine(bytes: bytes)
    }
  }

  /// The usual case without a String: up to 18 digits.
  private static func decimal(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard bytes.count <= 18 else { return nil }
    var number = 0
    for byte in bytes {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
      number = number * 10 + Int(byte - UInt8(ascii: "0"))
    }
    return number
  }
}
