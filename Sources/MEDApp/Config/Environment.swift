/// Replaces `${NAME}` in config values by environment variables; `$${` stands for a literal `${`.
enum EnvironmentSubstitution {
  struct Failure: Error, Equatable {
    let message: String
  }

  static func apply(to text: String, _ environment: [String: String]) throws(Failure) -> String {
    guard text.contains("${") else { return text }
    var result = ""
    var rest = text[...]
    while let character = rest.first {
      if rest.hasPrefix("$${") {
        result += "${"
        rest = rest.dropFirst(3)
      } else if rest.hasPrefix("${") {
        guard let end = rest.firstIndex(of: "}") else { throw Failure(message: "\"${\" without a closing \"}\"") }
        let name = String(rest.dropFirst(2)[..<end])
        guard isName(name) else { throw Failure(message: "\"${\(name)}\" is not the name of an environment variable") }
        guard let value = environment[name] else {
          throw Failure(message: "the environment variable \(name) is not set")
        }
        result += value
        rest = rest[rest.index(after: end)...]
      } else {
        result.append(character)
        rest = rest.dropFirst()
      }
    }
    return result
  }

  private static func isName(_ name: String) -> Bool {
    guard let first = name.utf8.first, first != UInt8(ascii: "_") || name.utf8.count > 1 else { return false }
    guard !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { return false }
    return name.unicodeScalars.allSatisfy { scalar in
      scalar == "_" || ("0"..."9").contains(scalar) || ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
    }
  }
}
