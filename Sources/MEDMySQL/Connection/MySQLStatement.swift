import CMariaDB
import MEDCore

/// A prepared statement: owner of a `MYSQL_STMT`, freed in one place. Used where its connection is.
final class MySQLStatement {
  let pointer: UnsafeMutablePointer<MYSQL_STMT>
  /// Where the database is, for errors.
  let place: String
  private var results: ResultBuffers?
  /// Of which result is the latest: it alone can be freed.
  private(set) var generation = 0

  init(_ connection: UnsafeMutablePointer<MYSQL>, _ sql: String, place: String) throws(StoreError) {
    guard let pointer = mysql_stmt_init(connection) else {
      throw StoreError(.unavailable, "mysql \(place): no memory for a statement")
    }
    self.pointer = pointer
    self.place = place
    let code = sql.withCString { mysql_stmt_prepare(pointer, $0, UInt(sql.utf8.count)) }
    guard code == 0 else { throw error() }
  }

  deinit { _ = mysql_stmt_close(pointer) }

  /// Executes with `values` for the question marks.
  func execute(_ values: [MySQLValue]) throws(StoreError) {
    guard mysql_stmt_param_count(pointer) == UInt(values.count) else {
      throw StoreError(.corrupt, "mysql \(place): the server counts other values in a statement than were given")
    }
    generation += 1
    let bound = BoundValues(values)
    if !values.isEmpty, mysql_stmt_bind_param(pointer, bound.binds) != 0 { throw error() }
    // The values are read until here.
    let code = mysql_stmt_execute(pointer)
    _ = consume bound
    guard code == 0 else { throw error() }
  }

  /// Executes a statement that gives rows, and takes all of them from the server.
  /// - Parameter largestText: of the first execution.
  func query(
    _ values: [MySQLValue], columns: Int, largestText: Int = ResultBuffers.largestText
  ) throws(StoreError) -> MySQLRows {
    try execute(values)
    guard mysql_stmt_field_count(pointer) == UInt32(columns) else {
      _ = mysql_stmt_free_result(pointer)
      throw StoreError(.corrupt, "mysql \(place): the server gives other columns than were asked for")
    }
    let buffers = results ?? ResultBuffers(columns: columns, largestText: largestText)
    results = buffers
    guard mysql_stmt_bind_result(pointer, buffers.binds) == 0, mysql_stmt_store_result(pointer) == 0 else {
      let error = error()
      _ = mysql_stmt_free_result(pointer)
      throw error
    }
    return MySQLRows(self, buffers)
  }

  /// Rows that the last execution has found, whether it changed them or not.
  var affectedRows: UInt64 {
    let count = mysql_stmt_affected_rows(pointer)
    return count == .max ? 0 : count
  }

  /// The id that the table has given to the last row; 0: none.
  var insertedID: UInt64 { mysql_stmt_insert_id(pointer) }

  func error() -> StoreError {
    let error = MySQLServerError(
      code: mysql_stmt_errno(pointer), sqlState: mysql_stmt_sqlstate(pointer).map { String(cString: $0) } ?? "")
    let text = mysql_stmt_error(pointer).map { String(cString: $0) } ?? ""
    return StoreError(mysql: error, text, at: place, hiding: "")
  }
}
