/// The query of a URL.
enum APIQuery {
  /// Names and values of `a=1&b=2`, percent-decoded.
  /// - Throws: `.badRequest` for a name that isn't known, one that comes twice, and what isn't UTF-8.
  static func read(_ text: String, knows names: Set<String>) throws(AdminError) -> [String: String] {
    var query: [String: String] = [:]
    for pair in text.split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = decoded(parts[0]), let value = parts.count > 1 ? decoded(parts[1]) : "" else {
        throw AdminError(.badRequest, "the query isn't percent-encoded UTF-8")
      }
      guard names.contains(name) else {
        let known = names.isEmpty ? "none" : names.sorted().joined(separator: ", ")
        throw AdminError(.badRequest, "unknown name \(APIText.quoted(name)) in the query, expected \(known)")
      }
      guard query.updateValue(value, forKey: name) == nil else {
        throw AdminError(.badRequest, "\(name) is given twice in the query")
      }
    }
    return query
  }

  /// - Returns: nil if that isn't UTF-8.
  private static func decoded(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
      case UInt8(ascii: "%"):
        guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else { return nil }
        bytes.append(high << 4 | low)
      default: bytes.append(byte)
      }
    }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
