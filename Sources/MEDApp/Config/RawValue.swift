import TOMLKit

/// A value as the file has it, before anything is expected of it.
enum RawValue: Sendable, Equatable {
  case string(String)
  case integer(Int)
  case double(Double)
  case boolean(Bool)
  case array([RawValue])
  case table([String: RawValue])
  /// A date, a time: TOML has them, no key does.
  case other(String)

  /// For error messages: what kind of value it is, and which.
  var found: String {
    switch self {
    case .string(let text): "\"\(shown(text))\""
    case .integer(let number): "\(number)"
    case .double(let number): "the fraction \(number)"
    case .boolean(let flag): "\(flag)"
    case .array: "an array"
    case .table: "a table"
    case .other(let type): "a \(type)"
    }
  }

  /// Cut, and without the credentials that a URL may hold.
  private func shown(_ text: String) -> String {
    let place = text.lastIndex(of: "@").map { "…" + text[$0...] } ?? text
    return escapeControlCharacters(place.count > 80 ? place.prefix(80) + "…" : place[...])
  }

  /// The same without the value itself, for keys whose values are secrets.
  var foundKind: String {
    switch self {
    case .string: "a string"
    case .integer: "a number"
    case .boolean: "true or false"
    default: found
    }
  }
}

/// How deep a line of a TOML text may nest tables by dots: the parser bounds brackets, not dots, and what it makes of a
/// key with a million dots is freed by as many nested calls.
enum KeyDepth {
  static let maximum = 128
  /// Dots in a line, in quotes or not: strings that go on over lines can mislead the count outside of them.
  static let mostDots = 6000

  /// The first line with more dots outside of quotes, from 1; nil if there is none.
  static func lineTooDeep(_ text: String) -> Int? {
    var line = 1
    var dots = 0
    var allDots = 0
    var quote: UInt8?
    var isComment = false
    for byte in text.utf8 {
      if byte == UInt8(ascii: ".") {
        allDots += 1
        if allDots > mostDots { return line }
      }
      switch byte {
      case UInt8(ascii: "\n"):
        (line, dots, allDots, quote, isComment) = (line + 1, 0, 0, nil, false)
      case _ where isComment: break
      case UInt8(ascii: "#") where quote == nil: isComment = true
      case UInt8(ascii: "\""), UInt8(ascii: "'"):
        if quote == nil { quote = byte } else if quote == byte { quote = nil }
      case UInt8(ascii: ".") where quote == nil:
        dots += 1
        if dots > maximum { return line }
      default: break
      }
    }
    return nil
  }
}

/// Why a text is no TOML.
struct TOMLSyntaxError: Error {
  let line: Int
  let column: Int
  let message: String
}

extension RawValue {
  /// Parses a TOML document.
  static func parse(_ text: String) throws(TOMLSyntaxError) -> [String: RawValue] {
    // The C API ends at a NUL, which would cut the file short in silence.
    if let zero = text.utf8.firstIndex(of: 0) {
      let line = text.utf8[..<zero].count { $0 == UInt8(ascii: "\n") } + 1
      throw TOMLSyntaxError(line: line, column: 1, message: "a NUL byte")
    }
    if let line = KeyDepth.lineTooDeep(text) {
      throw TOMLSyntaxError(line: line, column: 1, message: "keys are nested deeper than \(KeyDepth.maximum) levels")
    }
    let table: TOMLTable
    do {
      table = try TOMLTable(string: text)
    } catch let error as TOMLParseError {
      let place = error.source.begin
      throw TOMLSyntaxError(line: place.line, column: place.column, message: error.description)
    } catch {
      throw TOMLSyntaxError(line: 1, column: 1, message: "\(error)")
    }
    return convert(table, depth: 0)
  }

  private static func convert(_ table: TOMLTable, depth: Int) -> [String: RawValue] {
    var result: [String: RawValue] = [:]
    for key in table.keys {
      if let value = table[key] { result[key] = convert(value, depth: depth + 1) }
    }
    return result
  }

  /// What is nested deeper than any key stands, whatever it is, becomes a value that no key takes.
  private static func convert(_ value: any TOMLValueConvertible, depth: Int) -> RawValue {
    guard depth <= KeyDepth.maximum else { return .other("deeply nested value") }
    return convertFlat(value, depth)
  }

  private static func convertFlat(_ value: any TOMLValueConvertible, _ depth: Int) -> RawValue {
    switch value.type {
    case .string: value.string.map(RawValue.string) ?? .other("string")
    case .int: value.int.map(RawValue.integer) ?? .other("number")
    case .double: value.double.map(RawValue.double) ?? .other("number")
    case .bool: value.bool.map(RawValue.boolean) ?? .other("boolean")
    case .table: .table(value.table.map { convert($0, depth: depth) } ?? [:])
    case .array:
      .array(value.array.map { array in (0..<array.count).map { convert(array[$0], depth: depth + 1) } } ?? [])
    case .date, .time, .dateTime: .other("\(value.type)")
    }
  }
}

/// Control characters as `\n`, `\t`, `\u{1b}`: what is shown on a terminal or written in a line can't act there.
func escapeControlCharacters(_ text: Substring) -> String {
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\n": result += "\\n"
    case "\r": result += "\\r"
    case "\t": result += "\\t"
    case _ where scalar.actsOnTerminals: result += "\\u{\(String(scalar.value, radix: 16))}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}

extension Unicode.Scalar {
  /// Control characters, line separators, and the marks that turn the direction of text.
  var actsOnTerminals: Bool {
    switch value {
    case 0..<0x20, 0x7f..<0xa0, 0x2028, 0x2029, 0x202a...0x202e, 0x2066...0x2069: true
    default: false
    }
  }
}
