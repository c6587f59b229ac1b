import MEDCore

/// A mail as the local mail program takes it: header fields, an empty line, the text; line feeds end lines.
///
/// A template may begin with header fields of its own, as an `.eml` file does: these are kept, but for those that name
/// recipients. What isn't said is added. Nothing of an alert can begin a header field: it is put into one field's value,
/// whose line ends become spaces.
struct Mail {
  let bytes: [UInt8]

  init(_ parcel: AlertParcel, from sender: String, _ template: AlertTemplate) {
    let (head, text) = Self.parts(of: template.text)
    var fields: [(name: String, value: String)] = head.map { field in
      (field.name, AlertTemplate(text: field.value).filled(parcel.alert, from: sender))
    }
    func add(_ name: String, _ value: String) {
      guard !value.isEmpty, !fields.contains(where: { $0.name.lowercased() == name.lowercased() }) else { return }
      fields.append((name, value))
    }
    add("From", sender)
    add("Subject", parcel.alert.subject)
    // No other header field can have been meant.
    fields.append(("To", parcel.recipient))
    add("Date", String(parcel.alert.time.httpDate.dropLast(3)) + "+0000")
    add("Auto-Submitted", "auto-generated")
    add("MIME-Version", "1.0")
    add("Content-Type", "text/plain; charset=utf-8")
    let body = AlertTemplate(text: text).filled(parcel.alert, from: sender)
    let isRaw = fields.contains { field in
      let name = field.name.lowercased()
      return name == "content-transfer-encoding"
        || name == "content-type" && field.value.lowercased().hasPrefix("multipart/")
    }
    if !isRaw { fields.append(("Content-Transfer-Encoding", "base64")) }
    let lines = fields.map { "\($0.name): \(MailHeader.encoded($0.value))\n" }.joined()
    bytes = Array(lines.utf8) + [0x0A] + (isRaw ? Array(body.utf8) : Self.base64(body))
  }

  /// Header fields that say who gets a mail.
  private static let recipients: Set<String> = ["to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc"]
  /// One of these is in every head: a text may well begin with words and colons.
  private static let telling: Set<String> = ["from", "to", "subject", "mime-version", "content-type"]

  /// The header fields that a template begins with, and its text. Without an empty line behind them they are none.
  static func parts(of template: String) -> (head: [(name: String, value: String)], text: String) {
    var head: [(name: String, value: String)] = []
    var rest = template[...]
    while let end = rest.firstIndex(where: \.isNewline) {
      let line = rest[..<end]
      rest = rest[rest.index(after: end)...]
      if line.isEmpty {
        guard head.contains(where: { telling.contains($0.name.lowercased()) }) else { break }
        return (head.filter { !recipients.contains($0.name.lowercased()) }, String(rest))
      }
      if line.first == " " || line.first == "\t", !head.isEmpty {
        head[head.count - 1].value += " " + String(line.drop(while: \.isWhitespace))
        continue
      }
      guard let colon = line.firstIndex(of: ":"), MailHeader.isName(line[..<colon]) else { break }
      head.append((String(line[..<colon]), String(line[line.index(after: colon)...].drop(while: \.isWhitespace))))
    }
    return ([], template)
  }

  private static func base64(_ text: String) -> [UInt8] {
    var lines: [UInt8] = []
    let bytes = Array(text.utf8)
    for start in stride(from: 0, to: bytes.count, by: 57) {
      lines += Base64.text(Array(bytes[start..<min(start + 57, bytes.count)])).utf8
      lines.append(0x0A)
    }
    return lines
  }
}

enum MailHeader {
  static func isName(_ text: Substring) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ":") }
      && !text.contains("{")
  }

  /// Mail servers take lines of 998 bytes.
  private static let maximumLength = 900

  /// A value on one line. What isn't ASCII is encoded (RFC 2047), but for an address in angle brackets behind it.
  static func encoded(_ value: String) -> String {
    var plain = ""
    for scalar in value.unicodeScalars.prefix(maximumLength) {
      plain.unicodeScalars.append(scalar.actsOnTerminals ? " " : scalar)
    }
    guard !plain.utf8.allSatisfy({ $0 < 0x80 }) else { return plain }
    if plain.last == ">", let start = plain.lastIndex(of: "<") {
      let address = plain[start...]
      return words(String(plain[..<start])) + " " + address.filter(\.isASCII)
    }
    return words(plain)
  }

  /// Encoded words, 45 bytes each: at most 75 characters.
  private static func words(_ text: String) -> String {
    var words: [String] = []
    var chunk: [UInt8] = []
    for scalar in text.unicodeScalars {
      let bytes = Array(String(scalar).utf8)
      if chunk.count + bytes.count > 45 {
        words.append(word(chunk))
        chunk = []
      }
      chunk += bytes
    }
    if !chunk.isEmpty { words.append(word(chunk)) }
    return words.joined(separator: "\n ")
  }

  private static func word(_ bytes: [UInt8]) -> String {
    "=?UTF-8?B?\(Base64.text(bytes))?="
  }
}
