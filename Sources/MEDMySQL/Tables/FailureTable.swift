import MEDCore

/// `broadcast_failure_log` as it is found: what it has columns for, and how much they hold.
struct FailureTable: Sendable {
  static let name: StaticString = "broadcast_failure_log"

  let columns: [String: TableColumn]
  /// Whether the table gives ids itself.
  let givesIDs: Bool
  /// A jobid names its subscription too, so a table may do without the column.
  let hasSubscription: Bool
  /// The largest statement that the server takes, values included.
  let largestPacket: Int
  /// A character set that is neither UTF-8 nor binary has refused a character: what isn't ASCII becomes a question mark.
  var isASCII = false

  init(_ handle: MySQLHandle) throws(StoreError) {
    columns = try TableColumn.read(of: Self.name.description, handle)
    guard !columns.isEmpty else { throw StoreError(.schema, "there is no table \(Self.name)") }
    for needed in ["log_id", "job_id"] where columns[needed] == nil {
      throw StoreError(.schema, "table \(Self.name) has no column \(needed)")
    }
    givesIDs = columns["log_id"]?.givesIDs == true
    hasSubscription = columns["subscription_id"] != nil
    let rows = try handle.query("SELECT @@max_allowed_packet", columns: 1)
    largestPacket = try rows.next() ? rows.integer(0) ?? 1 << 20 : 1 << 20
  }

  /// Whether rows are found without looking at all of them.
  static func hasIndex(_ handle: MySQLHandle) throws(StoreError) -> Bool {
    let rows = try handle.query(
      """
      SELECT index_name, seq_in_index, column_name FROM information_schema.statistics
      WHERE table_schema = DATABASE() AND table_name = ? AND seq_in_index <= 2
      """, [.text(name.description)], columns: 3)
    var indexes: [String: [Int: String]] = [:]
    while try rows.next() {
      guard let index = rows.text(0), let place = rows.integer(1) else { continue }
      indexes[index, default: [:]][place] = rows.text(2)?.lowercased()
    }
    return indexes.values.contains { $0[1] == "job_id" || $0[1] == "subscription_id" && $0[2] == "job_id" }
  }

  /// `column = mark` and the value that the column holds; nil: there is no such column, or nothing that it could hold.
  func assignment(_ column: String, _ value: FailureValue) -> (column: String, mark: String, value: MySQLValue)? {
    guard let found = columns[column] else { return nil }
    switch value {
    case .number(let number):
      return (column, "?", .integer(found.clamped(number)))
    case .time(let given):
      let seconds = given.isFinite ? given : 0
      if !found.isTime {
        guard let whole = Int64(exactly: seconds.rounded(.down)) else { return (column, "?", .integer(0)) }
        // A number of seconds with a fraction goes into what holds one.
        let holdsFraction = ["double", "float", "decimal"].contains(found.dataType)
        return (column, "?", holdsFraction ? .double(seconds) : .integer(found.clamped(whole)))
      }
      // There is no date for what never was.
      guard seconds > 0 else { return nil }
      return (column, "FROM_UNIXTIME(?)", .double(min(seconds, 2_147_483_647)))
    case .text(let text):
      let known = found.representable(text, isASCII: isASCII)
      return (column, "?", .text(found.fitted(known, atMostBytes: largestPacket / 8)))
    case .body(let text):
      // Half of JSON is none.
      let known = found.representable(text, isASCII: isASCII)
      let isKept = found.holds(known) && known.utf8.count <= largestPacket / 2
      return (column, "?", .text(isKept ? known : "null"))
    }
  }

  /// As the column holds it: the same for who writes and who looks.
  func jobID(_ text: String) -> String { columns["job_id"]?.fitted(text) ?? text }
}

/// What goes into a column of ``FailureTable``.
enum FailureValue {
  case number(Int64)
  /// Unix seconds.
  case time(Double)
  case text(String)
  /// JSON, all or `null`.
  case body(String)
}
