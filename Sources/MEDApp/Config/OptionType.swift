import MEDCore
import MEDCurl
import MEDRedis

/// Why a value wasn't taken; no reason: it is of another type or outside of what is allowed.
struct Refusal: Error {
  var reason: String?
}

/// How the values of a kind of option are read, written and described.
struct OptionType<Value: Sendable>: Sendable {
  /// What is allowed, for errors and for the example file.
  let allowed: String
  /// The unit, for the example file; empty if there is none.
  var unit = ""
  let read: @Sendable (RawValue) throws(Refusal) -> Value
  /// The value as TOML.
  let write: @Sendable (Value) -> String
}

func quoted(_ text: String) -> String {
  var result = ""
  for character in escapeControlCharacters(text.replacing("\\", with: "\\\\")[...]) {
    result += character == "\"" ? "\\\"" : String(character)
  }
  return "\"\(result)\""
}

extension OptionType where Value == Bool {
  static var boolean: Self {
    Self(allowed: "true or false") { raw throws(Refusal) in
      guard case .boolean(let flag) = raw else { throw Refusal() }
      return flag
    } write: {
      "\($0)"
    }
  }
}

extension OptionType where Value == Int {
  static func integer(_ range: ClosedRange<Int>, unit: String = "") -> Self {
    Self(allowed: "\(range.lowerBound) ... \(range.upperBound)", unit: unit) { raw throws(Refusal) in
      guard case .integer(let number) = raw, range.contains(number) else { throw Refusal() }
      return number
    } write: {
      "\($0)"
    }
  }
}

extension OptionType where Value == Duration {
  static func milliseconds(_ range: ClosedRange<Int>) -> Self {
    let number = OptionType<Int>.integer(range)
    return Self(allowed: number.allowed, unit: "milliseconds") { raw throws(Refusal) in
      return .milliseconds(try number.read(raw))
    } write: {
      let (seconds, attoseconds) = $0.components
      return "\(seconds * 1000 + attoseconds / 1_000_000_000_000_000)"
    }
  }

  static func seconds(_ range: ClosedRange<Int>) -> Self {
    let number = OptionType<Int>.integer(range)
    return Self(allowed: number.allowed, unit: "seconds") { raw throws(Refusal) in
      return .seconds(try number.read(raw))
    } write: {
      "\($0.components.seconds)"
    }
  }
}

extension OptionType where Value == String {
  /// Any string of at most 4,096 bytes without control characters that fulfils `rule`.
  static func text(
    _ allowed: String = "a string", where rule: @escaping @Sendable (String) -> Bool = { _ in true }
  ) -> Self {
    Self(allowed: allowed) { raw throws(Refusal) in
      guard case .string(let text) = raw, text.utf8.count <= 4096, rule(text) else { throw Refusal() }
      guard !text.unicodeScalars.contains(where: \.actsOnTerminals) else {
        throw Refusal(reason: "control characters")
      }
      return text
    } write: {
      quoted($0)
    }
  }

  static func oneOf(_ names: String...) -> Self {
    text(names.map(quoted).joined(separator: " or ")) { names.contains($0) }
  }

  /// A directory, with or without a slash at the end; the slash is taken off.
  static var directory: Self {
    let plain = text("an absolute path") { $0.hasPrefix("/") }
    return Self(allowed: plain.allowed) { raw throws(Refusal) in
      var path = try plain.read(raw)
      while path.count > 1, path.hasSuffix("/") { path.removeLast() }
      return path
    } write: {
      quoted($0)
    }
  }

  static var absolutePathOrEmpty: Self {
    text("an absolute path, or empty") { $0.isEmpty || $0.hasPrefix("/") }
  }

  static var tube: Self {
    text("a tube name: 1 ... 200 bytes of A-Z a-z 0-9 - + / ; . $ _ ( ), not beginning with -") {
      TubeName($0) != nil
    }
  }

  /// What stands between the topic and the subscription id in a channel's name.
  static var tubePrefix: Self {
    text("at most 100 bytes of A-Z a-z 0-9 - + / ; . $ _ ( )") { $0.utf8.count <= 100 && TubeName("x" + $0) != nil }
  }

  static var httpURLOrEmpty: Self {
    text("a http:// or https:// URL, or empty") { $0.isEmpty || isHTTP($0) }
  }

  static var httpURLOrSendmail: Self {
    text("a http:// or https:// URL, \"sendmail://\", maybe with the program's absolute path behind it, or empty") {
      $0.isEmpty || isHTTP($0) || $0 == "sendmail://" || $0.hasPrefix("sendmail:///")
    }
  }

  static var proxyOrEmpty: Self {
    text("a http://, https://, socks5:// or socks5h:// URL with a host, or empty") { text in
      guard !text.isEmpty else { return true }
      guard let scheme = ["http://", "https://", "socks5://", "socks5h://"].first(where: text.hasPrefix) else {
        return false
      }
      let authority = text.dropFirst(scheme.count).prefix { !"/?#".contains($0) }
      let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
      return !host.isEmpty && !host.hasPrefix(":") && !text.contains(where: \.isWhitespace)
    }
  }

  static var headerName: Self {
    text("a header name: letters, digits and !#$%&'*+-.^_`|~") { name in
      !name.isEmpty
        && name.utf8.allSatisfy { byte in
          switch byte {
          case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
          default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
          }
        }
    }
  }

  private static func isHTTP(_ text: String) -> Bool {
    let lower = text.lowercased()
    return lower.hasPrefix("http://") || lower.hasPrefix("https://")
  }
}

extension OptionType where Value: CaseIterable & RawRepresentable<String> {
  static var choice: Self {
    Self(allowed: Value.allCases.map { quoted($0.rawValue) }.joined(separator: ", ")) { raw throws(Refusal) in
      guard case .string(let text) = raw, let value = Value(rawValue: text) else { throw Refusal() }
      return value
    } write: {
      quoted($0.rawValue)
    }
  }
}

extension OptionType where Value == ListenAddress? {
  static var address: Self {
    Self(allowed: "\"host:port\" ([v6]:port), or empty for off") { raw throws(Refusal) in
      guard case .string(let text) = raw else { throw Refusal() }
      if text.isEmpty { return nil }
      guard let address = ListenAddress(text) else { throw Refusal() }
      return address
    } write: {
      quoted($0?.description ?? "")
    }
  }
}

/// The parts of a list: an array of strings, or one string with commas between them. Empty parts are passed over.
private func parts(_ raw: RawValue) -> [String]? {
  var texts: [String] = []
  switch raw {
  case .string(let text): texts = text.split(separator: ",").map(String.init)
  case .array(let values):
    for value in values {
      guard case .string(let text) = value else { return nil }
      texts.append(text)
    }
  default: return nil
  }
  return texts.map { String($0[...].trimming(while: \.isWhitespace)) }.filter { !$0.isEmpty }
}

extension OptionType {
  static func list<Element: CustomStringConvertible & Hashable>(
    _ allowed: String, count: ClosedRange<Int>, eachOnce: Bool = true,
    _ make: @escaping @Sendable (String) -> Element?
  ) -> Self where Value == [Element] {
    Self(allowed: allowed) { raw throws(Refusal) in
      guard let texts = parts(raw) else { throw Refusal() }
      guard count.contains(texts.count) else {
        throw Refusal(
          reason: "\(texts.count) of them, between \(count.lowerBound) and \(count.upperBound) may be given")
      }
      var values: [Element] = []
      for text in texts {
        guard let value = make(text) else { throw Refusal(reason: RawValue.string(text).found) }
        guard values.contains(value) else {
          values.append(value)
          continue
        }
        if eachOnce { throw Refusal(reason: "\(RawValue.string(text).found) twice") }
      }
      return values
    } write: { values in
      "[" + values.map { quoted($0.description) }.joined(separator: ", ") + "]"
    }
  }
}

extension OptionType where Value == [QueueServerAddress] {
  /// A dispatcher would consume a server twice that stands there twice; tools may take it once.
  static func queueServers(eachOnce: Bool = true) -> Self {
    let list = list(
      "host:port with commas between them (an IPv6 host in brackets, port 11300 if left out)", count: 1...1024,
      eachOnce: eachOnce
    ) {
      QueueServerAddress($0)
    }
    return Self(allowed: list.allowed, read: list.read) { quoted($0.map(\.description).joined(separator: ",")) }
  }
}

extension OptionType where Value == [RedisAddress] {
  static var redisServers: Self {
    let list = list(
      "host:port with commas between them (an IPv6 host in brackets, port 6379 if left out), or empty for off",
      count: 0...64
    ) {
      // Old files may leave the host out, which meant this machine.
      RedisAddress(parsing: $0.hasPrefix(":") ? "127.0.0.1\($0)" : $0)
    }
    return Self(allowed: list.allowed, read: list.read) { quoted($0.map(\.description).joined(separator: ",")) }
  }
}

extension OptionType where Value == [NetworkRange] {
  static var networks: Self {
    list("a list of networks such as \"10.0.0.0/8\" or \"fe80::/10\"", count: 0...1024) { NetworkRange($0) }
  }
}

extension OptionType where Value == [String] {
  static var httpURLs: Self {
    list("a list of http:// or https:// URLs", count: 0...64) {
      $0.hasPrefix("http://") || $0.hasPrefix("https://") ? $0 : nil
    }
  }
}
