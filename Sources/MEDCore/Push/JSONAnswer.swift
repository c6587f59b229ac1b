/// What a subscriber's answer says, judged over its whole text (SPEC §5).
enum JSONAnswer: Equatable {
  /// Not JSON (RFC 8259, UTF-8, no byte order mark), or nested deeper than ``JSONScanner/maximumDepth``.
  case notJSON
  /// JSON, but no object.
  case notAnObject
  case noStatus
  /// `status` is there: is it 1? Of several the last one counts.
  case status(isOne: Bool)

  init(_ bytes: [UInt8]) {
    var scanner = JSONScanner()
    self = scanner.answer(in: bytes.span.bytes)
  }
}
