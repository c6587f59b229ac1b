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

  /// Where the next byte goes. May be moved on within what was reserved.
  @inline(__always)
  var end: UnsafeMutablePointer<UInt8> {
    get { base + count }
    set { count = newValue - base }
  }

  /// Up to where ``end`` may move; eight bytes beyond it may be touched.
  @inline(__always)
  var limit: UnsafeMutablePointer<UInt8> { base + (capacity - Self.slack) }

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

  /// Writes a number in decimal, 20 bytes at most.
  @inline(__always)
  mutating func put(decimal value: UInt64) {
    if value < 100_000_000 {
      put(digits: value, width: 1)
    } else if value < 10_000_000_000_000_000 {
      put(digits: value / 100_000_000, width: 1)
      put(digits: value % 100_000_000, width: 8)
    } else {
      put(digits: value / 10_000_000_000_000_000, width: 1)
      put(digits: value / 100_000_000 % 100_000_000, width: 8)
      put(digits: value % 100_000_000, width: 8)
    }
  }

  /// Writes a number below 10⁸ in decimal, with zeros in front up to `width`, 8 at most.
  @inline(__always)
  mutating func put(digits value: UInt64, width: Int) {
    // The last digit comes first and ends highest in the word, where the last byte of eight is stored.
    var word: UInt64 = 0
    var length = 0
    var rest = UInt32(truncatingIfNeeded: value)
    repeat {
      let quotient = rest / 10
      word = word << 8 | UInt64(rest &- quotient &* 10 &+ UInt32(UInt8(ascii: "0")))
      rest = quotient
      length &+= 1
    } while rest > 0 || length < width
    put(word, length: length)
  }
}
