import CMariaDB
import MEDCore
import MEDLoop

/// An open connection: owner of a `MYSQL`, freed in one place. Blocks; used by one thread at a time.
final class MySQLHandle {
  /// Past that number all are let go: there are fewer statements in this module.
  private static let maximumStatements = 64

  private let pointer: UnsafeMutablePointer<MYSQL>
  private let place: String
  private let breaker: ConnectionBreaker
  private var statements: [String: MySQLStatement] = [:]

  init(_ pointer: UnsafeMutablePointer<MYSQL>, place: String, _ breaker: ConnectionBreaker) {
    self.pointer = pointer
    self.place = place
    self.breaker = breaker
  }

  deinit {
    statements = [:]
    breaker.willClose()
    mysql_close(pointer)
  }

  /// Rows of a statement with `values` for its question marks.
  func query(_ sql: String, _ values: [MySQLValue] = [], columns: Int) throws(StoreError) -> MySQLRows {
    try statement(sql).query(values, columns: columns)
  }

  /// The same for a statement whose text depends on what is asked for, or whose rows may be large: nothing is kept of it.
  func queryOnce(
    _ sql: String, _ values: [MySQLValue] = [], columns: Int, largestText: Int = ResultBuffers.largestText
  ) throws(StoreError) -> MySQLRows {
    try MySQLStatement(pointer, sql, place: place).query(values, columns: columns, largestText: largestText)
  }

  /// Executes a statement that gives no rows.
  /// - Returns: how many rows it has found, and the id that the table gave to a new one.
  @discardableResult
  func execute(_ sql: String, _ values: [MySQLValue]) throws(StoreError) -> (found: UInt64, insertedID: UInt64) {
    let statement = try statement(sql)
    try statement.execute(values)
    return (statement.affectedRows, statement.insertedID)
  }

  /// START TRANSACTION, COMMIT, ROLLBACK: what can't be prepared everywhere and has no values.
  func command(_ sql: StaticString) throws(StoreError) {
    guard mysql_real_query(pointer, sql.description, UInt(sql.utf8CodeUnitCount)) == 0 else {
      let error = MySQLServerError(
        code: mysql_errno(pointer), sqlState: mysql_sqlstate(pointer).map { String(cString: $0) } ?? "")
      throw StoreError(
        mysql: error, mysql_error(pointer).map { String(cString: $0) } ?? "", at: place, hiding: "")
    }
  }

  private func statement(_ sql: String) throws(StoreError) -> MySQLStatement {
    if let known = statements[sql] { return known }
    if statements.count >= Self.maximumStatements { statements = [:] }
    let new = try MySQLStatement(pointer, sql, place: place)
    statements[sql] = new
    return new
  }
}
