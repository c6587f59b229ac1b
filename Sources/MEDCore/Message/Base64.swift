/// RFC 4648 section 4: the standard alphabet, padded. Strict when read.
package enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let padding = UInt8(ascii: "=")
  private static let values: [UInt8] = {
    var values = [UInt8](repeating: 0xFF, count: 256)
    for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
    return values
  }()

  package static func text(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    append(bytes, to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  static func append(_ bytes: [UInt8], to buffer: inout [UInt8]) {
    buffer.reserveAdditional((bytes.count + 2) / 3 * 4)
    let alphabet = alphabet
    func digit(_ group: UInt32, _ shift: UInt32) -> UInt8 { alphabet[Int(group >> shift & 63)] }
    var index = 0
    while index + 2 < bytes.count {
      let group = UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2])
      buffer.append(digit(group, 18))
      buffer.append(digit(group, 12))
      buffer.append(digit(group, 6))
      buffer.append(digit(group, 0))
      index += 3
    }
    guard index < bytes.count else { return }
    let hasTwo = index + 1 < bytes.count
    let group = UInt32(bytes[index]) << 16 | (hasTwo ? UInt32(bytes[index + 1]) << 8 : 0)
    buffer.append(digit(group, 18))
    buffer.append(digit(group, 12))
    buffer.append(hasTwo ? digit(group, 6) : padding)
    buffer.append(padding)
  }

  /// Nil unless `text` is what an encoder makes: whole groups, padded, with no bits left over, nothing else in between.
  package static func decode(_ text: some RandomAccessCollection<UInt8>) -> [UInt8]? {
    guard text.count % 4 == 0 else { return nil }
    let values = values
    let padded = text.suffix(2).count { $0 == padding }
    let digits = text.dropLast(padded)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3)
    var group: UInt32 = 0
    var held = 0
    for character in digits {
      let value = values[Int(character)]
      guard value < 64 else { return nil }
      group = group << 6 | UInt32(value)
      held += 6
      if held == 24 {
        bytes.append(UInt8(truncatingIfNeeded: group >> 16))
        bytes.append(UInt8(truncatingIfNeeded: group >> 8))
        bytes.append(UInt8(truncatingIfNeeded: group))
        (group, held) = (0, 0)
      }
    }
    switch held {
    case 0: return padded == 0 ? bytes : nil
    case 12:
      guard group & 15 == 0 else { return nil }
      bytes.append(UInt8(truncatingIfNeeded: group >> 4))
    case 18:
      guard group & 3 == 0 else { return nil }
      bytes.append(UInt8(truncatingIfNeeded: group >> 10))
      bytes.append(UInt8(truncatingIfNeeded: group >> 2))
    default: return nil
    }
    return bytes
  }
}

extension [UInt8] {
  /// Room for `count` more bytes. (Plain reserveCapacity grows to exactly what is asked for, so that asking often
  /// copies often.)
  fileprivate mutating func reserveAdditional(_ count: Int) {
    if capacity - self.count < count { reserveCapacity(Swift.max(self.count + count, capacity * 2)) }
  }
}
