import GRDB
import GRDBSQLite

/// The rows of a statement, one after another, with columns read as what they can be read as: whatever type a table
/// made by hand gives them, nothing traps.
///
/// Reads from SQLite's own memory: for results of a hundred thousand rows.
struct StatementRows {
  private let statement: Statement
  private let handle: SQLiteStatement

  init(_ database: Database, _ sql: String, _ arguments: StatementArguments = StatementArguments()) throws {
    statement = try database.makeStatement(sql: sql)
    try statement.setArguments(arguments)
    handle = statement.sqliteStatement
  }

  func next() throws -> Bool {
    switch sqlite3_step(handle) {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    case let code:
      let message = sqlite3_db_handle(handle).map { String(cString: sqlite3_errmsg($0)) }
      throw DatabaseError(resultCode: ResultCode(rawValue: code & 0xFF), message: message)
    }
  }

  /// A whole number, also if it is kept as text or as a float; else nil.
  func integer(_ column: Int32) -> Int? {
    switch sqlite3_column_type(handle, column) {
    case SQLITE_INTEGER: Int(exactly: sqlite3_column_int64(handle, column))
    case SQLITE_FLOAT: Int(exactly: sqlite3_column_double(handle, column))
    case SQLITE_TEXT: text(column).flatMap { Int($0) }
    default: nil
    }
  }

  /// Text, or a number as text; nil for NULL. Invalid UTF-8 is repaired.
  func text(_ column: Int32) -> String? {
    switch sqlite3_column_type(handle, column) {
    case SQLITE_NULL:
      return nil
    case SQLITE_FLOAT:
      if let whole = integer(column) { return String(whole) }
    default:
      break
    }
    return bytes(column).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Adds the row to a fingerprint: types, lengths and bytes of all columns.
  func hash(into hasher: inout Hasher) {
    for column in 0..<sqlite3_column_count(handle) {
      switch sqlite3_column_type(handle, column) {
      case SQLITE_NULL:
        hasher.combine(0 as UInt8)
      case SQLITE_INTEGER:
        hasher.combine(1 as UInt8)
        hasher.combine(sqlite3_column_int64(handle, column))
      default:
        let bytes = bytes(column) ?? UnsafeRawBufferPointer(start: nil, count: 0)
        hasher.combine(2 as UInt8)
        hasher.combine(bytes.count)
        hasher.combine(bytes: bytes)
      }
    }
  }

  /// Valid until the next row or the next conversion.
  private func bytes(_ column: Int32) -> UnsafeRawBufferPointer? {
    guard let text = sqlite3_column_text(handle, column) else { return nil }
    return UnsafeRawBufferPointer(start: text, count: Int(sqlite3_column_bytes(handle, column)))
  }
}
