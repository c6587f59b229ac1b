extension ParameterDefinition {
  /// What a text says to a definition.
  enum Reading {
    case value(ParameterValue)
    /// A number below its least one.
    case tooSmall
    /// A number above its greatest one.
    case tooLarge(bound: Int)
    case wrong
  }

  func read(_ text: String) -> Reading {
    switch kind {
    case .integer(let range):
      return Self.integer(text.trimmed, in: range)
    case .boolean:
      switch text.trimmed.lowercased() {
      case "0", "false": return .value(.boolean(false))
      case "1", "true": return .value(.boolean(true))
      default: return .wrong
      }
    case .choice(let names):
      let name = text.trimmed
      return names.contains(name) ? .value(.text(name)) : .wrong
    case .text(let maximum):
      let text = text.trimmed
      let isAllowed = text.utf8.count <= maximum && !text.unicodeScalars.contains(where: \.isControl)
      return isAllowed ? .value(.text(text)) : .wrong
    case .signingSecret(let maximum):
      let text = text.trimmed
      let isAllowed = text.isEmpty || text.utf8.count <= maximum && SigningKeys(text) != nil
      return isAllowed ? .value(.text(text)) : .wrong
    case .targets(let maximum):
      guard text.utf8.count <= maximum else { return .wrong }
      return Targets.parse(text, environment: "").ignored.isEmpty ? .value(.text(text)) : .wrong
    }
  }

  func error(_ code: ParameterError.Code, _ text: String) -> ParameterError {
    let shown = text.unicodeScalars.prefix(80).map { $0.isControl ? "?" : String($0) }.joined()
    return ParameterError(code: code, name: name.rawValue, found: isSecret ? "(hidden)" : shown, allowed: allowed)
  }

  /// Any run of digits is a number, however long: what doesn't fit is too large, or too small.
  private static func integer(_ text: String, in range: ClosedRange<Int>) -> Reading {
    let digits = text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...]
    guard !digits.isEmpty, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
      return .wrong
    }
    let isNegative = digits.count < text.utf8.count
    let value = Int(text) ?? (isNegative ? .min : .max)
    if value < range.lowerBound { return .tooSmall }
    if value > range.upperBound { return .tooLarge(bound: range.upperBound) }
    return .value(.integer(value))
  }
}

extension String {
  /// Without spaces, tabs and line ends around it.
  var trimmed: String {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
    guard let first = utf8.first, let last = utf8.last, isSpace(first) || isSpace(last) else { return self }
    let rest = utf8.drop(while: isSpace)
    guard let end = rest.lastIndex(where: { !isSpace($0) }) else { return "" }
    return String(Substring(rest[...end]))
  }
}

extension Unicode.Scalar {
  /// C0, DEL and C1.
  var isControl: Bool { value < 0x20 || (0x7F...0x9F).contains(value) }
}
