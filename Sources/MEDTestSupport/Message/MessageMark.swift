/// The number that a test message carries through msgpack, JSON and forms.
public enum MessageMark {
  private static let digits = 6

  public static func text(_ number: Int) -> String {
    let text = String(number)
    return "m-" + String(repeating: "0", count: digits - text.count) + text
  }

  /// The number in `bytes`, nil if there is none.
  public static func find(in bytes: [UInt8]) -> Int? {
    var start = bytes.startIndex
    while let mark = bytes[start...].firstRange(of: Array("m-".utf8)) {
      let digits = bytes[mark.upperBound...].prefix(digits)
      if digits.count == self.digits, let number = Int(String(decoding: digits, as: UTF8.self)) { return number }
      start = mark.upperBound
    }
    return nil
  }
}
