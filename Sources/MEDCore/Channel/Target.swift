/// One URL that can be pushed to: http or https, with a host, all ASCII, without spaces and control characters.
public struct Target: Sendable, Hashable, CustomStringConvertible {
  /// Without a fragment. Bytes above 0x7E are percent-encoded.
  public let url: String
  /// The URL as it may be shown: user and password are masked.
  public let description: String
  private let join: Join

  private enum Join: UInt8 { case question, ampersand, none }

  /// Why a text isn't a target.
  public enum Problem: String, Error, Sendable, CaseIterable {
    /// Neither http nor https.
    case scheme = "not an http or https URL"
    /// A space or a control character.
    case forbiddenCharacter = "a space or a control character in the URL"
    /// None, or one that can't be.
    case host = "no host, or one with characters that hosts don't have"
    /// Not 1 ... 65535.
    case port = "a port that isn't 1 ... 65535"
    /// More than ``Target/maximumLength`` bytes.
    case tooLong = "longer than 8192 bytes"
  }

  /// In bytes.
  public static let maximumLength = 8_192

  /// Reads one URL, or says why it is none.
  public static func parse(_ text: String) -> Result<Target, Problem> {
    let bytes = text.utf8
    guard bytes.count <= maximumLength else { return .failure(.tooLong) }
    guard bytes.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { return .failure(.forbiddenCharacter) }
    guard let authorityStart = ["http://", "https://"].first(where: { hasPrefix(bytes, $0) })?.utf8.count else {
      return .failure(.scheme)
    }
    let authority = bytes.dropFirst(authorityStart).prefix { !"/?#".utf8.contains($0) }
    if let problem = problem(inAuthority: authority) { return .failure(problem) }
    return .success(Target(text))
  }

  private init(_ text: String) {
    let whole = text.utf8.firstIndex(of: UInt8(ascii: "#")).map { String(text[..<$0]) } ?? text
    url = whole.utf8.allSatisfy { $0 < 0x7F } ? whole : Self.percentEncoded(whole)
    description = Self.masked(url)
    if !url.utf8.contains(UInt8(ascii: "?")) {
      join = .question
    } else {
      join = url.utf8.last == UInt8(ascii: "?") || url.utf8.last == UInt8(ascii: "&") ? .none : .ampersand
    }
  }

  /// The URL of one push: `jobid=<id>&retry_times=<n>` appended to the query.
  /// - Parameters:
  ///   - jobID: letters, digits, `.` and `-` only (SPEC §5); goes in as it is.
  ///   - retryTimes: pushes made before.
  public func url(jobID: String, retryTimes: UInt64) -> String {
    var result = url
    result.reserveCapacity(url.utf8.count + jobID.utf8.count + 36)
    switch join {
    case .question: result += "?jobid="
    case .ampersand: result += "&jobid="
    case .none: result += "jobid="
    }
    result += jobID
    result += "&retry_times="
    result += String(retryTimes)
    return result
  }

  private static func hasPrefix(_ bytes: String.UTF8View, _ scheme: String) -> Bool {
    // Setting bit 5 lowers letters and leaves ':' and '/' as they are.
    bytes.count > scheme.utf8.count && zip(bytes, scheme.utf8).allSatisfy { $0 | 0x20 == $1 }
  }

  private static func problem(inAuthority authority: Substring.UTF8View) -> Problem? {
    // Some readers take a backslash for a slash: two of them would see two hosts.
    guard !authority.contains(UInt8(ascii: "\\")) else { return .host }
    let at = authority.lastIndex(of: UInt8(ascii: "@"))
    var rest = at.map { authority[authority.index(after: $0)...] } ?? authority
    if rest.first == UInt8(ascii: "[") {
      guard let end = rest.firstIndex(of: UInt8(ascii: "]")) else { return .host }
      let address = rest[..<end].dropFirst()
      guard !address.isEmpty, address.allSatisfy({ isHex($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") })
      else { return .host }
      rest = rest[rest.index(after: end)...]
    } else {
      let host = rest.prefix { $0 != UInt8(ascii: ":") }
      guard !host.isEmpty, host.allSatisfy(isHost) else { return .host }
      rest = rest[host.endIndex...]
    }
    if rest.isEmpty { return nil }
    guard rest.first == UInt8(ascii: ":") else { return .host }
    let port = rest.dropFirst()
    if port.isEmpty { return nil }
    guard port.allSatisfy(isDigit), let number = UInt16(Substring(port)), number > 0 else { return .port }
    return nil
  }

  /// Shares the storage of `url` if there is nothing to mask.
  private static func masked(_ url: String) -> String {
    let bytes = url.utf8
    guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return url }
    let start = bytes.index(colon, offsetBy: 3)
    let authority = bytes[start...].prefix { !"/?#".utf8.contains($0) }
    guard let at = authority.lastIndex(of: UInt8(ascii: "@")) else { return url }
    return "\(url[..<start])***\(url[at...])"
  }

  private static func percentEncoded(_ text: String) -> String {
    var result: [UInt8] = []
    for byte in text.utf8 {
      if byte < 0x7F {
        result.append(byte)
      } else {
        let digits = Array("0123456789ABCDEF".utf8)
        result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
  private static func isHex(_ byte: UInt8) -> Bool {
    isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
  }
  private static func isHost(_ byte: UInt8) -> Bool {
    isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: "-")
      || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
  }
}
