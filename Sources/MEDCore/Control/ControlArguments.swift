/// The arguments of a command, read as generously as clients write them: numbers and booleans may be text.
struct ControlArguments {
  private let members: [String: JSONValue]

  /// - Parameter value: an object. What languages without objects send for an empty one counts as such: `null`, `[]`.
  init(_ value: JSONValue) throws(ControlError) {
    switch value {
    case .object(let members): self.members = members
    case .null, .array([]): members = [:]
    default: throw ControlError(.invalidArgument, "args: expected an object, got \(value.kind)")
    }
  }

  /// In the order of their names.
  var all: [(key: String, value: JSONValue)] { members.sorted { $0.key < $1.key } }

  /// A whole number within `range`; digits in a string are one too.
  func integer(_ name: String, in range: ClosedRange<Int>) throws(ControlError) -> Int {
    guard let number = try optionalInteger(name, in: range) else { throw Self.missing(name) }
    return number
  }

  /// The same; nil if it isn't there, or null.
  func optionalInteger(_ name: String, in range: ClosedRange<Int>) throws(ControlError) -> Int? {
    guard let value = members[name], value != .null else { return nil }
    let allowed = "\(range.lowerBound) ... \(range.upperBound)"
    guard let number = value.wholeNumber else {
      throw ControlError(.invalidArgument, "\(name): expected a number \(allowed), got \(value.shown)")
    }
    guard range.contains(number) else {
      throw ControlError(.outOfBounds, "\(name): expected \(allowed), got \(value.shown)")
    }
    return number
  }

  /// Text of at most `maximumBytes` without control characters; a number is text too. nil if it isn't there, or null.
  func optionalText(_ name: String, maximumBytes: Int) throws(ControlError) -> String? {
    guard let value = members[name], value != .null else { return nil }
    guard let text = value.scalarText else {
      throw ControlError(.invalidArgument, "\(name): expected a string, got \(value.kind)")
    }
    guard text.utf8.count <= maximumBytes, !text.unicodeScalars.contains(where: \.isControl) else {
      throw ControlError(
        .outOfBounds, "\(name): expected text of at most \(maximumBytes) bytes without control characters")
    }
    return text
  }

  /// The same for what must be there.
  func text(_ name: String, maximumBytes: Int) throws(ControlError) -> String {
    guard let text = try optionalText(name, maximumBytes: maximumBytes) else { throw Self.missing(name) }
    return text
  }

  /// A list of strings.
  func strings(_ name: String) throws(ControlError) -> [String] {
    guard let value = members[name] else { throw Self.missing(name) }
    guard let strings = value.strings else {
      throw ControlError(.invalidArgument, "\(name): expected a list of strings, got \(value.shown)")
    }
    return strings
  }

  /// An object.
  func object(_ name: String) throws(ControlError) -> [String: JSONValue] {
    guard let value = members[name] else { throw Self.missing(name) }
    switch value {
    case .object(let members): return members
    case .array([]): return [:]
    default: throw ControlError(.invalidArgument, "\(name): expected an object, got \(value.kind)")
    }
  }

  private static func missing(_ name: String) -> ControlError {
    ControlError(.invalidArgument, "\(name) is missing")
  }
}

extension JSONValue {
  /// A whole number, or text that is one; nil for anything else, also for what doesn't fit.
  var wholeNumber: Int? {
    switch self {
    case .integer(let number): number
    case .double(let number): Int(exactly: number)
    case .string(let text): Int(text.trimmed)
    default: nil
    }
  }

  /// A string, number or boolean as tables hold it; nil for the rest.
  var scalarText: String? {
    switch self {
    case .string(let text): text
    case .integer(let number): "\(number)"
    case .double(let number): Int(exactly: number).map { "\($0)" } ?? "\(number)"
    case .boolean(let value): value ? "1" : "0"
    case .null, .array, .object: nil
    }
  }

  /// A list of nothing but strings.
  var strings: [String]? {
    guard case .array(let elements) = self else { return nil }
    var strings: [String] = []
    for element in elements {
      guard case .string(let text) = element else { return nil }
      strings.append(text)
    }
    return strings
  }

  /// For errors: its text, shortened and without what acts on terminals; what it is, if it is no scalar.
  var shown: String {
    guard let text = scalarText else { return kind }
    return "\"" + text.unicodeScalars.prefix(80).map { $0.isControl ? "?" : String($0) }.joined() + "\""
  }
}
