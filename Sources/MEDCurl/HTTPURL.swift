/// What is checked of a URL before libcurl sees it, and what must not be shown of it.
public enum HTTPURL {
  /// Why `url` can't be asked for; nil if it can.
  static func objection(to url: String) -> HTTPFailure? {
    var url = url
    return url.withUTF8 { bytes in
      guard let scheme = schemeLength(bytes) else {
        return HTTPFailure(.invalidURL, "the URL does not begin with http:// or https://")
      }
      guard bytes.count > scheme else { return HTTPFailure(.invalidURL, "the URL has no host") }
      for byte in bytes where byte <= 0x20 || byte >= 0x7F {
        return HTTPFailure(.invalidURL, "the URL has a space, a control character or one that is not ASCII")
      }
      return nil
    }
  }

  /// Scheme, host and port of `url`: all before its path.
  static func origin(of url: String) -> String {
    var url = url
    return url.withUTF8 { bytes in
      String(decoding: bytes[..<authorityEnd(bytes)], as: UTF8.self)
    }
  }

  /// `text` with the user and password of `url` replaced by `***`, wherever they stand in it.
  public static func masking(_ text: String, credentialsOf url: String) -> String {
    guard url.utf8.contains(UInt8(ascii: "@")) else { return text }
    var url = url
    let secrets = url.withUTF8 { credentials(in: $0) }
    return secrets.reduce(text) { masking($0, secret: $1) }
  }

  /// The length of `http://` or `https://`.
  private static func schemeLength(_ url: UnsafeBufferPointer<UInt8>) -> Int? {
    for scheme in ["http://", "https://"] as [StaticString] {
      let length = scheme.utf8CodeUnitCount
      if url.count >= length,
        zip(url, UnsafeBufferPointer(start: scheme.utf8Start, count: length)).allSatisfy({ $0 | 0x20 == $1 | 0x20 })
      {
        return length
      }
    }
    return nil
  }

  /// Where the authority begins, whatever the scheme (a proxy's may be socks5, or missing).
  private static func authorityStart(_ url: UnsafeBufferPointer<UInt8>) -> Int {
    guard let colon = url.firstIndex(of: UInt8(ascii: ":")), url[colon...].starts(with: "://".utf8) else { return 0 }
    return colon + 3
  }

  private static func authorityEnd(_ url: UnsafeBufferPointer<UInt8>) -> Int {
    let start = authorityStart(url)
    let ends = [UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#")]
    return url[start...].firstIndex(where: ends.contains) ?? url.count
  }

  /// `user:password`, then `password` alone, of a URL that has them.
  private static func credentials(in url: UnsafeBufferPointer<UInt8>) -> [[UInt8]] {
    let authority = url[authorityStart(url)..<authorityEnd(url)]
    guard let at = authority.lastIndex(of: UInt8(ascii: "@")) else { return [] }
    let credentials = authority[..<at]
    guard let colon = credentials.firstIndex(of: UInt8(ascii: ":")) else { return [Array(credentials)] }
    return [Array(credentials), Array(credentials[(colon + 1)...])]
  }

  private static func masking(_ text: String, secret: [UInt8]) -> String {
    let bytes = Array(text.utf8)
    guard !secret.isEmpty, bytes.count >= secret.count else { return text }
    var masked: [UInt8] = []
    var index = 0
    while index < bytes.count {
      if bytes[index...].starts(with: secret) {
        masked += Array("***".utf8)
        index += secret.count
      } else {
        masked.append(bytes[index])
        index += 1
      }
    }
    return String(decoding: masked, as: UTF8.self)
  }
}

public enum HTTPHeader {
  /// Whether a header can be sent: its name is a token, its value has no CR, LF or NUL.
  /// - Source: RFC 9110 §5.1, §5.5.
  public static func isSendable(name: String, value: String) -> Bool {
    !name.isEmpty && name.utf8.allSatisfy(isTokenCharacter)
      && value.utf8.allSatisfy { $0 != 0x0D && $0 != 0x0A && $0 != 0 }
  }

  private static func isTokenCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      return true
    default:
      return "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }
}
