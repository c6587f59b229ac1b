/// The texts of the failure log, for people: which host pushed where, and what came back.
///
/// Shape: `medispatcher addr: <address> target: <url> status: <status> (<why>) answer: <first 4 KiB>`, or
/// `… target: <url> error: <what went wrong>`. Valid UTF-8 without NUL.
struct FailureText: Sendable {
  /// Of the subscriber's answer, before what is no UTF-8 is repaired.
  static let longestAnswer = 4_096
  /// Of a target, which may be 8 KiB.
  static let longestTarget = 1_024

  private let prefix: String

  init(address: String) { prefix = "medispatcher addr: \(address) " }

  func failure(of target: String, _ answer: PushAnswer, reason: String) -> String {
    switch answer {
    case .answered(let status, let body, _, _):
      "\(prefix)target: \(target) status: \(status) (\(reason)) answer: \(Self.cut(body, to: Self.longestAnswer))"
    case .failed(let failure):
      "\(prefix)target: \(target) error: \(failure.message)"
    }
  }

  /// What went wrong without a push.
  func failure(_ reason: String) -> String { "\(prefix)error: \(reason)" }

  /// A target as it may be shown, and not longer than a column should be.
  static func target(_ target: Target) -> String { cut(Array(target.description.utf8), to: longestTarget) }

  /// The first bytes as text, cut where a character ends; NUL becomes U+FFFD, as databases may take it for the end.
  static func cut(_ bytes: [UInt8], to limit: Int) -> String {
    var end = min(bytes.count, max(limit, 0))
    if end < bytes.count {
      // At most three bytes of a sequence can lie before the cut.
      for _ in 0..<3 where end > 0 && bytes[end] & 0xC0 == 0x80 { end -= 1 }
    }
    let text = String(decoding: bytes[..<end], as: UTF8.self)
    guard text.utf8.contains(0) else { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.map { $0 == "\0" ? "\u{FFFD}" : $0 }))
  }
}
