/// One step through msgpack: a scalar, or the head of an array or map.
enum MessagePackToken {
  case null
  case bool(Bool)
  /// Any integer ≥ 0, whatever family it was written in.
  case unsigned(UInt64)
  /// Any integer < 0.
  case negative(Int64)
  case float(Float)
  case double(Double)
  /// `str` and the old `raw`.
  case string(Range<Int>)
  case binary(Range<Int>)
  case ext(Range<Int>)
  /// How many values follow; never more than there are bytes left.
  case array(Int)
  /// How many pairs follow; never more than half the bytes left.
  case map(Int)
}

/// A place in msgpack bytes, moved on by reading. Total: any input gives a token or an error.
///
/// The bytes are passed to every call because a type that kept the span would be bound to its scope.
/// - Source: https://github.com/msgpack/msgpack/blob/master/spec.md
struct MessagePackCursor {
  /// How deep arrays and maps may be nested; a message's outer map is 1.
  static let maximumDepth = 128

  private(set) var position: Int

  init(at position: Int = 0) { self.position = position }

  @inline(__always)
  mutating func token(in bytes: RawSpan) throws(MessageError) -> MessagePackToken {
    let head: UInt8 = try load(in: bytes)
    switch head {
    case 0x00...0x7f: return .unsigned(UInt64(head))
    case 0x80...0x8f: return try map(Int(head & 0x0f), in: bytes)
    case 0x90...0x9f: return try array(Int(head & 0x0f), in: bytes)
    case 0xa0...0xbf: return .string(try run(Int(head & 0x1f), in: bytes))
    case 0xc0: return .null
    case 0xc2: return .bool(false)
    case 0xc3: return .bool(true)
    case 0xc4: return .binary(try run(length(UInt8.self, in: bytes), in: bytes))
    case 0xc5: return .binary(try run(length(UInt16.self, in: bytes), in: bytes))
    case 0xc6: return .binary(try run(length(UInt32.self, in: bytes), in: bytes))
    case 0xc7: return .ext(try run(1 + length(UInt8.self, in: bytes), in: bytes))
    case 0xc8: return .ext(try run(1 + length(UInt16.self, in: bytes), in: bytes))
    case 0xc9: return .ext(try run(1 + length(UInt32.self, in: bytes), in: bytes))
    case 0xca: return .float(Float(bitPattern: try load(in: bytes)))
    case 0xcb: return .double(Double(bitPattern: try load(in: bytes)))
    case 0xcc: return .unsigned(UInt64(try load(in: bytes) as UInt8))
    case 0xcd: return .unsigned(UInt64(try load(in: bytes) as UInt16))
    case 0xce: return .unsigned(UInt64(try load(in: bytes) as UInt32))
    case 0xcf: return .unsigned(try load(in: bytes))
    case 0xd0: return Self.integer(Int64(try load(in: bytes) as Int8))
    case 0xd1: return Self.integer(Int64(try load(in: bytes) as Int16))
    case 0xd2: return Self.integer(Int64(try load(in: bytes) as Int32))
    case 0xd3: return Self.integer(try load(in: bytes))
    case 0xd4...0xd8: return .ext(try run(1 + (1 << Int(head - 0xd4)), in: bytes))
    case 0xd9: return .string(try run(length(UInt8.self, in: bytes), in: bytes))
    case 0xda: return .string(try run(length(UInt16.self, in: bytes), in: bytes))
    case 0xdb: return .string(try run(length(UInt32.self, in: bytes), in: bytes))
    case 0xdc: return try array(length(UInt16.self, in: bytes), in: bytes)
    case 0xdd: return try array(length(UInt32.self, in: bytes), in: bytes)
    case 0xde: return try map(length(UInt16.self, in: bytes), in: bytes)
    case 0xdf: return try map(length(UInt32.self, in: bytes), in: bytes)
    case 0xe0...0xff: return .negative(Int64(Int8(bitPattern: head)))
    default: throw MessageError(.malformed, at: position - 1)
    }
  }

  /// Moves past one whole value, however it is nested.
  /// - Parameter depth: how many arrays and maps are open around it.
  @inline(__always)
  mutating func skip(in bytes: RawSpan, depth: Int) throws(MessageError) {
    switch try token(in: bytes) {
    case .array(let count): try skip(count, in: bytes, depth: depth + 1)
    case .map(let count): try skip(2 * count, in: bytes, depth: depth + 1)
    default: return
    }
  }

  /// Moves past the rest of a container that has `count` values left. Keeps the open ones on a stack of its own, so
  /// that no input can exhaust the thread's.
  private mutating func skip(_ count: Int, in bytes: RawSpan, depth: Int) throws(MessageError) {
    guard depth <= Self.maximumDepth else { throw MessageError(.tooDeep, at: position) }
    var left = count
    var cursor = self
    defer { self = cursor }
    try withUnsafeTemporaryAllocation(of: Int.self, capacity: Self.maximumDepth) { open throws(MessageError) in
      var level = 0
      while true {
        while left == 0 {
          if level == 0 { return }
          level -= 1
          left = open[level]
        }
        left -= 1
        let inner: Int
        switch try cursor.token(in: bytes) {
        case .array(let count): inner = count
        case .map(let count): inner = 2 * count
        default: continue
        }
        guard depth + level < Self.maximumDepth else { throw MessageError(.tooDeep, at: cursor.position) }
        open[level] = left
        level += 1
        left = inner
      }
    }
  }

  @inline(__always)
  private mutating func load<T: FixedWidthInteger & BitwiseCopyable>(in bytes: RawSpan) throws(MessageError) -> T {
    let size = MemoryLayout<T>.size
    guard size <= bytes.byteCount - position else { throw MessageError(.truncated, at: bytes.byteCount) }
    defer { position += size }
    return T(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: position, as: T.self))
  }

  @inline(__always)
  private mutating func length<T: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ type: T.Type, in bytes: RawSpan
  ) throws(MessageError) -> Int {
    Int(truncatingIfNeeded: try load(in: bytes) as T)
  }

  @inline(__always)
  private mutating func run(_ length: Int, in bytes: RawSpan) throws(MessageError) -> Range<Int> {
    guard length <= bytes.byteCount - position else { throw MessageError(.truncated, at: bytes.byteCount) }
    let start = position
    position += length
    return start..<position
  }

  @inline(__always)
  private func array(_ count: Int, in bytes: RawSpan) throws(MessageError) -> MessagePackToken {
    guard count <= bytes.byteCount - position else { throw MessageError(.truncated, at: bytes.byteCount) }
    return .array(count)
  }

  @inline(__always)
  private func map(_ count: Int, in bytes: RawSpan) throws(MessageError) -> MessagePackToken {
    guard count <= (bytes.byteCount - position) / 2 else { throw MessageError(.truncated, at: bytes.byteCount) }
    return .map(count)
  }

  @inline(__always)
  private static func integer(_ value: Int64) -> MessagePackToken {
    value < 0 ? .negative(value) : .unsigned(UInt64(value))
  }
}
