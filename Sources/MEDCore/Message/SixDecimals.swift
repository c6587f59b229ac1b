/// A finite number with six decimals, as `printf("%.6f")` writes it: exact, ties to even, for every magnitude.
struct SixDecimals {
  /// The longest: sign, 309 digits, point, six digits.
  static let maximumLength = 317

  let isNegative: Bool
  /// The whole part, as limbs of eight digits, least first, when it is 2⁶⁴ or more.
  private let limbs: [UInt32]
  private let whole: UInt64
  private let millionths: UInt64

  /// - Parameter value: finite; anything else counts as 0.
  init(_ value: Double) {
    let magnitude = value.isFinite ? value.magnitude : 0
    isNegative = value.sign == .minus && value.isFinite
    guard magnitude < 0x1p64 else {
      limbs = Self.limbs(of: magnitude)
      whole = 0
      millionths = 0
      return
    }
    let floor = magnitude.rounded(.down)
    let rounded = Self.millionths(of: magnitude - floor)
    limbs = []
    // A fraction leaves the whole part below 2⁵³, so the carry can't overflow.
    whole = UInt64(floor) &+ (rounded == 1_000_000 ? 1 : 0)
    millionths = rounded == 1_000_000 ? 0 : rounded
  }

  /// Appends the text.
  func write(to output: inout OutputBuffer) {
    output.reserve(Self.maximumLength)
    if isNegative { output.put(UInt8(ascii: "-")) }
    if let first = limbs.last {
      output.put(digits: UInt64(first), width: 1)
      for limb in limbs.dropLast().reversed() { output.put(digits: UInt64(limb), width: 8) }
    } else {
      output.put(decimal: whole)
    }
    output.put(UInt8(ascii: "."))
    output.put(digits: millionths, width: 6)
  }

  /// - Parameter fraction: 0 ..< 1.
  /// - Returns: 0 ... 1,000,000.
  private static func millionths(of fraction: Double) -> UInt64 {
    guard fraction >= 0x1p-53 else { return 0 }
    // fraction = significand / 2^shift, shift ≤ 105; the product has at most 73 bits.
    let shift = 52 - Int(fraction.exponent)
    let product = UInt128(fraction.significandBitPattern | 1 << 52) * 1_000_000
    let quotient = UInt64(truncatingIfNeeded: product >> shift)
    let rest = product & ((1 << shift) - 1)
    let half: UInt128 = 1 << (shift - 1)
    return rest > half || (rest == half && quotient & 1 == 1) ? quotient + 1 : quotient
  }

  /// - Parameter magnitude: 2⁶⁴ or more, hence whole.
  private static func limbs(of magnitude: Double) -> [UInt32] {
    var limbs: [UInt32] = []
    var significand = magnitude.significandBitPattern | 1 << 52
    while significand > 0 {
      limbs.append(UInt32(significand % 100_000_000))
      significand /= 100_000_000
    }
    var shift = Int(magnitude.exponent) - 52
    while shift > 0 {
      let step = min(shift, 32)
      var carry: UInt64 = 0
      for index in limbs.indices {
        let value = UInt64(limbs[index]) << UInt64(step) + carry
        limbs[index] = UInt32(value % 100_000_000)
        carry = value / 100_000_000
      }
      while carry > 0 {
        limbs.append(UInt32(carry % 100_000_000))
        carry /= 100_000_000
      }
      shift -= step
    }
    return limbs
  }
}

extension Envelope {
  /// What the subscriber knows the push by, the same for each retry (SPEC §5).
  ///
  /// Shape: `<Time with 6 decimals>-<OriginJobId>-<subscription id>`, ASCII.
  public func pushJobID(subscription: Int) -> String {
    var text = OutputBuffer(capacity: 96)
    SixDecimals(time).write(to: &text)
    text.reserve(64)
    text.put(UInt8(ascii: "-"))
    text.put(decimal: originJobID)
    text.put(UInt8(ascii: "-"))
    if subscription < 0 { text.put(UInt8(ascii: "-")) }
    text.put(decimal: UInt64(subscription.magnitude))
    return text.string
  }
}
