/// One line of a DATA log, read again: when, and the record as it was given to the log.
///
/// ```swift
/// let line = try DataLogLine(parsing: bytes)
/// if line.record.kind == .redistributionFailed, let payload = line.record.payload { … }
/// ```
public struct DataLogLine: Sendable, Equatable {
  /// When it was written.
  public var time: RecordTime
  /// The payload is decoded; a push's `body` is the JSON text as it stands in the line.
  public var record: DataRecord

  /// A line that tells `record` at `time`.
  public init(time: RecordTime, record: DataRecord) {
    self.time = time
    self.record = record
  }

  /// - Parameter line: one line; a newline at its end is optional. Any bytes: what is malformed throws.
  /// Fields that aren't known are passed over; of two that are the same the last one counts.
  public init(parsing line: some Sequence<UInt8>) throws(DataLineFault) {
    try self.init(Array(line)[...])
  }

  init(_ line: ArraySlice<UInt8>) throws(DataLineFault) {
    let blank = UInt8(ascii: " ")
    let line = line.last == 0x0A ? line.dropLast() : line
    guard let timeEnd = line.firstIndex(of: blank), let time = RecordTime(utf8: line[..<timeEnd]) else { throw .time }
    let rest = line[(timeEnd + 1)...]
    guard let kindEnd = rest.firstIndex(of: blank),
      let kind = RecordKind(rawValue: String(decoding: rest[..<kindEnd], as: UTF8.self))
    else { throw .kind }
    var fields = Fields(kind)
    var object = DataLineJSON(rest[(kindEnd + 1)...])
    do {
      try object.readObject { (key, value) throws(DataLineFault) in try fields.set(key, value) }
    } catch {
      if case .json(let offset) = error { throw .json(at: offset - line.startIndex) }
      throw error
    }
    self.init(time: time, record: fields.record)
  }
}

/// Collects the fields of a line into a record.
private struct Fields {
  private var collected: DataRecord
  private var push = DataRecord.Push(
    jobID: "", delivered: false, status: 0, elapsed: .zero, target: "", body: Array("null".utf8))
  private var hasPush = false

  init(_ kind: RecordKind) { collected = DataRecord(kind) }

  var record: DataRecord {
    var record = collected
    if hasPush { record.push = push }
    return record
  }

  mutating func set(_ key: String, _ value: ArraySlice<UInt8>) throws(DataLineFault) {
    switch key {
    case "topic": collected.topic = try text(key, value)
    case "subscription": collected.subscription = try integer(key, value)
    case "queue_server": collected.queueServer = try text(key, value)
    case "tube": collected.tube = try text(key, value)
    case "job_id": collected.jobID = try integer(key, value)
    case "reason": collected.reason = try text(key, value)
    case "payload":
      guard let payload = Base64.decode(try text(key, value).utf8.map(\.self)) else { throw .field(key) }
      collected.payload = payload
    default: try setPush(key, value)
    }
  }

  private mutating func setPush(_ key: String, _ value: ArraySlice<UInt8>) throws(DataLineFault) {
    switch key {
    case "jobid": push.jobID = try text(key, value)
    case "result":
      switch try text(key, value) {
      case "ok": push.delivered = true
      case "failed": push.delivered = false
      default: throw .field(key)
      }
    case "status": push.status = try integer(key, value)
    case "elapsed_ms": push.elapsed = try milliseconds(key, value)
    case "target": push.target = try text(key, value)
    case "body": push.body = Array(value)
    default: return
    }
    hasPush = true
  }

  private func text(_ key: String, _ value: ArraySlice<UInt8>) throws(DataLineFault) -> String {
    guard let text = DataLineJSON.string(value) else { throw .field(key) }
    return text
  }

  private func integer<Number: FixedWidthInteger>(
    _ key: String, _ value: ArraySlice<UInt8>
  ) throws(DataLineFault) -> Number {
    guard let number = Number(String(decoding: value, as: UTF8.self)) else { throw .field(key) }
    return number
  }

  private func milliseconds(_ key: String, _ value: ArraySlice<UInt8>) throws(DataLineFault) -> Duration {
    guard let number = Double(String(decoding: value, as: UTF8.self)), number >= 0,
      let microseconds = Int64(exactly: (number * 1000).rounded())
    else { throw .field(key) }
    return .microseconds(microseconds)
  }
}
