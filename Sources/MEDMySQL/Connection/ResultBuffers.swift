import CMariaDB

/// What the columns of a row are read into: as text, whatever their type, since a table made by others may have any.
///
/// Owner of the memory that the library writes to. It grows with what comes, up to a bound for each column.
final class ResultBuffers {
  /// A longer text is none of a subscription.
  static let largestText = 1 << 20
  private static let firstSize = 256

  let count: Int
  private let largestText: Int
  let binds: UnsafeMutablePointer<MYSQL_BIND>
  private let lengths: UnsafeMutablePointer<UInt>
  private let nulls: UnsafeMutablePointer<my_bool>
  private let errors: UnsafeMutablePointer<my_bool>
  private var sizes: [Int]
  /// Columns of the present row that are too long.
  private var oversized: Set<Int> = []

  init(columns: Int, largestText: Int) {
    count = columns
    self.largestText = largestText
    binds = .allocate(capacity: columns)
    binds.initialize(repeating: MYSQL_BIND(), count: columns)
    lengths = .allocate(capacity: columns)
    lengths.initialize(repeating: 0, count: columns)
    nulls = .allocate(capacity: columns)
    nulls.initialize(repeating: 0, count: columns)
    errors = .allocate(capacity: columns)
    errors.initialize(repeating: 0, count: columns)
    sizes = Array(repeating: Self.firstSize, count: columns)
    for column in 0..<columns {
      binds[column].buffer_type = MYSQL_TYPE_STRING
      binds[column].length = lengths + column
      binds[column].is_null = nulls + column
      binds[column].error = errors + column
      setBuffer(column, size: Self.firstSize)
    }
  }

  deinit {
    for column in 0..<count { binds[column].buffer.deallocate() }
    binds.deallocate()
    lengths.deallocate()
    nulls.deallocate()
    errors.deallocate()
  }

  /// Of the present row; nil for NULL, and for a text that is too long. Valid until the next row.
  func bytes(_ column: Int) -> UnsafeRawBufferPointer? {
    guard nulls[column] == 0, !oversized.contains(column) else { return nil }
    // The library says how long the value is, not how much of it has come.
    return UnsafeRawBufferPointer(
      start: binds[column].buffer, count: min(Int(clamping: lengths[column]), sizes[column]))
  }

  /// Whether the present row has a text that is too long.
  var isOversized: Bool { !oversized.isEmpty }

  func beginRow() { if !oversized.isEmpty { oversized = [] } }

  /// Fetches what didn't fit, into larger buffers.
  /// - Returns: whether that worked.
  func fetchRest(_ statement: UnsafeMutablePointer<MYSQL_STMT>) -> Bool {
    var hasGrown = false
    for column in 0..<count where nulls[column] == 0 && Int(clamping: lengths[column]) > sizes[column] {
      let length = Int(clamping: lengths[column])
      guard length <= largestText else {
        oversized.insert(column)
        continue
      }
      binds[column].buffer.deallocate()
      setBuffer(column, size: min(max(length, 2 * sizes[column]), largestText))
      hasGrown = true
      var bind = binds[column]
      guard mysql_stmt_fetch_column(statement, &bind, UInt32(column), 0) == 0 else { return false }
    }
    // From the next row on.
    return !hasGrown || mysql_stmt_bind_result(statement, binds) == 0
  }

  private func setBuffer(_ column: Int, size: Int) {
    sizes[column] = size
    binds[column].buffer = .allocate(byteCount: size, alignment: 8)
    binds[column].buffer_length = UInt(size)
  }
}
