/// On which line of a TOML text each key stands.
///
/// The parser tells lines of syntax errors only. This scanner knows just enough TOML for its purpose (table headers, keys
/// at the beginning of a line, strings and arrays that go on over lines) and takes any input.
struct KeyLines: Sendable {
  private var lines: [String: Int] = [:]

  init(_ text: String) {
    var section = ""
    var skipping = Continuation()
    let all = text.split(omittingEmptySubsequences: false, whereSeparator: { $0 == "\n" || $0 == "\r\n" })
    for (index, line) in all.enumerated() {
      if skipping.isOpen {
        skipping.read(line)
        continue
      }
      let trimmed = line.drop { $0 == " " || $0 == "\t" }
      if trimmed.hasPrefix("[") {
        section = Self.path(trimmed.drop { $0 == "[" }.prefix { $0 != "]" })
        note(section, index + 1)
      } else if let equals = Self.equalsSign(in: trimmed) {
        let key = Self.path(trimmed[..<equals])
        note(section.isEmpty ? key : section + "." + key, index + 1)
        skipping.read(trimmed[trimmed.index(after: equals)...])
      }
    }
  }

  /// The line of a key (`Section.Key`), or of the nearest table around it. Lines count from 1.
  func line(of path: String) -> Int? {
    var path = Substring(path)
    while true {
      if let line = lines[String(path)] { return line }
      guard let dot = path.lastIndex(of: ".") else { return nil }
      path = path[..<dot]
    }
  }

  private mutating func note(_ path: String, _ line: Int) {
    if lines[path] == nil { lines[path] = line }
  }

  private static func equalsSign(in line: Substring) -> Substring.Index? {
    var quote: Character?
    for index in line.indices {
      let character = line[index]
      if let open = quote {
        if character == open { quote = nil }
      } else if character == "\"" || character == "'" {
        quote = character
      } else if character == "#" {
        return nil
      } else if character == "=" {
        return index
      }
    }
    return nil
  }

  /// `Push . "VerifyTLS"` → `Push.VerifyTLS`.
  private static func path(_ text: Substring) -> String {
    text.split(separator: ".").map { part in
      let name = part.trimming(while: { $0 == " " || $0 == "\t" || $0 == "\r" })
      return String(name.trimming(while: { $0 == "\"" || $0 == "'" }))
    }.joined(separator: ".")
  }

  /// What of a value is still open at the end of a line: a multi-line string, or brackets.
  private struct Continuation {
    private var quote: String?
    private var depth = 0

    var isOpen: Bool { quote != nil || depth > 0 }

    mutating func read(_ line: Substring) {
      var rest = line
      while let character = rest.first {
        if let open = quote {
          if rest.hasPrefix(open) {
            quote = nil
            rest = rest.dropFirst(open.count)
          } else {
            rest = rest.dropFirst(character == "\\" && open.hasPrefix("\"") ? 2 : 1)
          }
          continue
        }
        if character == "#" { break }
        if let open = ["\"\"\"", "'''", "\"", "'"].first(where: { rest.hasPrefix($0) }) {
          quote = open
          rest = rest.dropFirst(open.count)
          continue
        }
        if character == "[" || character == "{" { depth += 1 }
        if character == "]" || character == "}" { depth = max(0, depth - 1) }
        rest = rest.dropFirst()
      }
      // A one-line string ends with its line at the latest.
      if quote?.count == 1 { quote = nil }
    }
  }
}

extension Substring {
  func trimming(while predicate: (Character) -> Bool) -> Substring {
    var result = drop(while: predicate)
    while let last = result.last, predicate(last) { result.removeLast() }
    return result
  }
}
