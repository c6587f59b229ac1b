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
    case .string(let text): "\"\(escapeControlCharacters(text.count > 80 ? text.prefix(80) + "…" : text[...]))\""
    case .integer(let number): "\(number)"
    case .double(let number): "the fraction \(number)"
    case .boolean(let flag): "\(flag)"
    case .array: "an array"
    case .table: "a table"
    case .other(let type): "a \(type)"
    }
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
    let table: TOMLTable
    do {
      table = try TOMLTable(string: text)
    } catch let error as TOMLParseError {
      let place = error.source.begin
      throw TOMLSyntaxError(line: place.line, column: place.column, message: error.description)
    } catch {
      throw TOMLSyntaxError(line: 1, column: 1, message: "\(error)")
    }
    return convert(table)
  }

  private static func convert(_ table: TOMLTable) -> [String: RawValue] {
    var result: [String: RawValue] = [:]
    for key in table.keys {
      if let value = table[key] { result[key] = convert(value) }
    }
    return result
  }

  private static func convert(_ value: any TOMLValueConvertible) -> RawValue {
    switch value.type {
    case .string: value.string.map(RawValue.string) ?? .other("string")
    case .int: value.int.map(RawValue.integer) ?? .other("number")
    case .double: value.double.map(RawValue.double) ?? .other("number")
    case .bool: value.bool.map(RawValue.boolean) ?? .other("boolean")
    case .table: .table(value.table.map(convert) ?? [:])
    case .array:
      .array(value.array.map { array in (0..<array.count).map { convert(array[$0]) } } ?? [])
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
