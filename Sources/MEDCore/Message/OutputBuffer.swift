/// Bytes being written: grows by doubling, belongs to one owner.
///
/// Writing is unchecked, so ``reserve(_:)`` comes first and covers all that is put until the next one.
struct OutputBuffer: ~Copyable {
  /// ``put(_:length:)`` stores eight bytes whatever the length.
  private static let slack = 8

  private var base: UnsafeMutablePointer<UInt8>
  private var capacity: Int
  private(set) var count = 0

  init(capacity: Int) {
    self.capacity = capacity + Self.slack
    base = .allocate(capacity: self.capacity)
  }

  deinit { base.deallocate() }

  var bytes: [UInt8] { [UInt8](UnsafeBufferPointer(start: base, count: count)) }

  /// The bytes as text, which they must be.
  var string: String { String(decoding: UnsafeBufferPointer(start: base, count: count), as: UTF8.self) }

  mutating func removeAll() { count = 0 }

  /// Makes room for `more` bytes.
  @inline(__always)
  mutating func reserve(_ more: Int) {
    if capacity - count < more + Self.slack { grow(more) }
  }

  @inline(never)
  private mutating func grow(_ more: Int) {
    let larger = max(2 * capacity, count + more + Self.slack)
    let moved = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
    moved.update(from: base, count: count)
    base.deallocate()
    base = moved
    capacity = larger
  }

  @inline(__always)
  mutating func put(_ byte: UInt8) {
    base[count] = byte
    count += 1
  }

  /// Writes the first `length` bytes of `word`, 8 at most, the lowest one first.
  @inline(__always)
  mutating func put(_ word: UInt64, length: Int) {
    UnsafeMutableRawPointer(base + count).storeBytes(of: word.littleEndian, as: UInt64.self)
    count += length
  }

  /// Writes ASCII text that needs no escaping.
  @inline(__always)
  mutating func put(_ text: StaticString) {
    (base + count).update(from: text.utf8Start, count: text.utf8CodeUnitCount)
    count += text.utf8CodeUnitCount
  }

  /// Writes a number in decimal, with zeros in front up to `width`; 20 bytes at most.
  @inline(__always)
  mutating func put(decimal value: UInt64, width: Int = 1) {
    var length = width
    if value >= 10 {
      var digits = 1
      var bound: UInt64 = 10
      while value >= bound {
        digits += 1
        let (next, overflow) = bound.multipliedReportingOverflow(by: 10)
        if overflow { break }
        bound = next
      }
      length = max(length, digits)
    }
    var rest = value
    var place = length
    while place > 0 {
      place -= 1
      let quotient = rest / 10
      base[count + place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest - quotient * 10)
      rest = quotient
    }
    count += length
  }
}
