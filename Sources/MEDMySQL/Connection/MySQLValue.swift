import CMariaDB

/// A value that is bound to a statement.
enum MySQLValue: Sendable, Equatable {
  case null
  case integer(Int64)
  case double(Double)
  case text(String)

  static func id(_ value: Int) -> MySQLValue { .integer(Int64(value)) }
}

/// Values as the library wants them, at addresses that last as long as this does.
struct BoundValues: ~Copyable {
  let binds: UnsafeMutablePointer<MYSQL_BIND>
  private let count: Int
  private let storage: UnsafeMutableRawPointer

  init(_ values: [MySQLValue]) {
    count = values.count
    binds = .allocate(capacity: max(count, 1))
    binds.initialize(repeating: MYSQL_BIND(), count: count)
    storage = .allocate(byteCount: max(values.reduce(0) { $0 + Self.size($1) }, 1), alignment: 8)
    var place = storage
    for (index, value) in values.enumerated() {
      Self.bind(value, to: &binds[index], at: place)
      place += Self.size(value)
    }
  }

  deinit {
    binds.deinitialize(count: count)
    binds.deallocate()
    storage.deallocate()
  }

  /// A multiple of eight, so that numbers are aligned.
  private static func size(_ value: MySQLValue) -> Int {
    switch value {
    case .null: 0
    case .integer, .double: 8
    case .text(let text): (text.utf8.count + 7) & ~7
    }
  }

  private static func bind(_ value: MySQLValue, to bind: inout MYSQL_BIND, at place: UnsafeMutableRawPointer) {
    bind.buffer = place
    switch value {
    case .null:
      bind.buffer_type = MYSQL_TYPE_NULL
    case .integer(let number):
      bind.buffer_type = MYSQL_TYPE_LONGLONG
      place.storeBytes(of: number, as: Int64.self)
    case .double(let number):
      bind.buffer_type = MYSQL_TYPE_DOUBLE
      place.storeBytes(of: number, as: Double.self)
    case .text(var text):
      bind.buffer_type = MYSQL_TYPE_STRING
      bind.buffer_length = UInt(text.utf8.count)
      text.withUTF8 { bytes in
        if let base = bytes.baseAddress { place.copyMemory(from: base, byteCount: bytes.count) }
      }
    }
  }
}
