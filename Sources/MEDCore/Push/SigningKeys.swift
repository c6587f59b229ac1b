/// The keys that a subscription's `SigningSecret` stands for.
///
/// As the Standard Webhooks specification has them: base64, maybe after `whsec_`. While a secret is being replaced there
/// are several, with spaces between them, and every push is signed with each.
///
/// Never printed: neither by its description nor by reflection.
public struct SigningKeys: Sendable, Equatable {
  /// At least one, none of them empty.
  public let all: [[UInt8]]

  static let prefix = "whsec_"

  /// - Returns: nil unless every part of `text` is base64 (RFC 4648 section 4, padded or not) of one byte or more.
  public init?(_ text: String) {
    var keys: [[UInt8]] = []
    for part in text.split(separator: " ") {
      let digits = Array((part.hasPrefix(Self.prefix) ? part.dropFirst(Self.prefix.count) : part).utf8)
      let padding = [UInt8](repeating: UInt8(ascii: "="), count: (4 - digits.count % 4) % 4)
      guard let key = Base64.decode(digits + padding), !key.isEmpty else { return nil }
      keys.append(key)
    }
    guard !keys.isEmpty else { return nil }
    all = keys
  }
}

extension SigningKeys: CustomStringConvertible, CustomReflectable {
  public var description: String { "(hidden)" }
  public var customMirror: Mirror { Mirror(self, children: []) }
}
