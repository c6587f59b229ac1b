extension Envelope {
  /// The message with the named fields set and every other byte as it was.
  ///
  /// A field that is there is replaced in place (of equal keys the last one, which counts); one that is absent is
  /// appended as a new entry, for which the map's count is raised and its head widened when it must be.
  public func setting(originJobID: UInt64? = nil, retryTimes: UInt64? = nil, logID: UInt64? = nil) -> [UInt8] {
    var splice = Splice(bytes)
    var edits = (
      Edit(.originJobID, index.originJobID, originJobID),
      Edit(.retryTimes, index.retryTimes, retryTimes),
      Edit(.logID, index.logID, logID)
    )
    // In order of position, by three comparisons: an array to sort would be an allocation per message.
    if edits.0.slot.start > edits.1.slot.start { swap(&edits.0, &edits.1) }
    if edits.1.slot.start > edits.2.slot.start { swap(&edits.1, &edits.2) }
    if edits.0.slot.start > edits.1.slot.start { swap(&edits.0, &edits.1) }
    splice.raiseCount(by: edits.0.entries + edits.1.entries + edits.2.entries)
    splice.replace(edits.0)
    splice.replace(edits.1)
    splice.replace(edits.2)
    splice.copyRest()
    splice.append(edits.0)
    splice.append(edits.1)
    splice.append(edits.2)
    return splice.output.bytes
  }
}

private struct Edit {
  let field: EnvelopeField
  let slot: EnvelopeIndex.Slot
  let value: UInt64?

  init(_ field: EnvelopeField, _ slot: EnvelopeIndex.Slot, _ value: UInt64?) {
    self.field = field
    self.slot = slot
    self.value = value
  }

  /// How many entries the map gains.
  var entries: UInt32 { value != nil && slot.isAbsent ? 1 : 0 }
}

/// Copies a message from front to back, with changes on the way.
private struct Splice {
  private let source: [UInt8]
  private var copied = 0
  private(set) var output: MessagePackWriter

  init(_ source: [UInt8]) {
    self.source = source
    // Three keys with their values, and a wider head.
    output = MessagePackWriter(capacity: source.count + 64)
  }

  mutating func raiseCount(by more: UInt32) {
    guard more > 0 else { return }
    var cursor = MessagePackCursor()
    guard case .map(let count) = try? cursor.token(in: source.span.bytes) else { return }
    // Can't overflow: a message is shorter than 4 GiB and an entry takes two bytes.
    let raised = UInt32(truncatingIfNeeded: count) &+ more
    switch source[0] {
    case 0xdf: output.raw(source[..<1] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: raised >> $0) })
    case 0xde where raised <= 0xffff: output.raw([0xde, UInt8(raised >> 8), UInt8(raised & 0xff)])
    default: output.map(raised)
    }
    copied = cursor.position
  }

  mutating func replace(_ edit: Edit) {
    guard let value = edit.value, !edit.slot.isAbsent else { return }
    output.raw(source[copied..<edit.slot.range.lowerBound])
    output.integer(value)
    copied = edit.slot.range.upperBound
  }

  mutating func copyRest() {
    output.raw(source[copied...])
    copied = source.count
  }

  mutating func append(_ edit: Edit) {
    guard let value = edit.value, edit.slot.isAbsent else { return }
    output.string("\(edit.field.key)")
    output.integer(value)
  }
}
