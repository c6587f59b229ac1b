import Crypto
import MEDCore

/// The headers by which a subscriber can tell that a push is ours, whole and not replayed.
///
/// What is signed is `<webhook-id>.<webhook-timestamp>.<body>`, by HMAC-SHA256 with each key.
/// - Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md, "Signature scheme", "Webhook
///   headers".
enum WebhookSignature {
  /// - Parameter time: of this attempt, in unix seconds.
  static func headers(
    _ signing: PushSigning, body: [UInt8], time: Int64
  ) -> [(name: String, value: String)] {
    let timestamp = String(time)
    let head = Array("\(signing.messageID).\(timestamp).".utf8)
    let signatures = signing.keys.all.map { key in
      var code = HMAC<SHA256>(key: SymmetricKey(data: key))
      code.update(data: head)
      code.update(data: body)
      return "v1," + Base64.text(Array(code.finalize()))
    }
    return [
      ("webhook-id", signing.messageID), ("webhook-timestamp", timestamp),
      ("webhook-signature", signatures.joined(separator: " ")),
    ]
  }
}
