/// Where the value of each known field lies in the message. An empty range says that the field is absent: no value is
/// empty.
struct EnvelopeIndex: Sendable {
  /// Half the size of `Range<Int>`: a message is shorter than 4 GiB.
  struct Slot: Sendable {
    var start: UInt32 = 0
    var end: UInt32 = 0

    var range: Range<Int> { Int(start)..<Int(end) }
    var isAbsent: Bool { start == end }
  }

  private(set) var topic = Slot()
  private(set) var body = Slot()
  private(set) var sender = Slot()
  private(set) var time = Slot()
  private(set) var originJobID = Slot()
  private(set) var retryTimes = Slot()
  private(set) var logID = Slot()
  private(set) var delay = Slot()
  private(set) var priority = Slot()
  private(set) var context = Slot()
  private(set) var owlContext = Slot()

  /// Walks the whole message once. Of equal keys the last one stays.
  init(_ bytes: RawSpan) throws(MessageError) {
    guard bytes.byteCount <= Int(UInt32.max) else { throw MessageError(.tooLong, at: 0) }
    var cursor = MessagePackCursor()
    guard bytes.byteCount > 0, case .map(let count) = try cursor.token(in: bytes) else {
      throw MessageError(.notAMap, at: 0)
    }
    for _ in 0..<count {
      let keyStart = cursor.position
      let field: EnvelopeField?
      switch try cursor.token(in: bytes) {
      case .string(let range), .binary(let range):
        field = EnvelopeField(key: range, in: bytes)
      case .array, .map:
        cursor = MessagePackCursor(at: keyStart)
        try cursor.skip(in: bytes, depth: 1)
        field = nil
      default:
        field = nil
      }
      let start = cursor.position
      try cursor.skip(in: bytes, depth: 1)
      if let field {
        let slot = Slot(start: UInt32(truncatingIfNeeded: start), end: UInt32(truncatingIfNeeded: cursor.position))
        set(field, slot)
      }
    }
    guard cursor.position == bytes.byteCount else { throw MessageError(.leftOver, at: cursor.position) }
  }

  @inline(__always)
  private mutating func set(_ field: EnvelopeField, _ slot: Slot) {
    switch field {
    case .topic: topic = slot
    case .body: body = slot
    case .sender: sender = slot
    case .time: time = slot
    case .originJobID: originJobID = slot
    case .retryTimes: retryTimes = slot
    case .logID: logID = slot
    case .delay: delay = slot
    case .priority: priority = slot
    case .context: context = slot
    case .owlContext: owlContext = slot
    }
  }
}
