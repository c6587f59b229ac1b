import FuzzSupport
import MEDCore

/// Any bytes as a line of a DATA log.
@main
enum FuzzDataLine {
  static func main() {
    runFuzzer { data, size in
      FuzzDataLine.check(input(data, size))
      return 0
    }
  }

  static func check(_ bytes: [UInt8]) {
    guard let line = try? DataLogLine(parsing: bytes) else { return }
    var written: [UInt8] = []
    DataLineFormatter.append(line.record, at: line.time, to: &written)
    require(written.last == 0x0a && written.count { $0 == 0x0a } == 1, "a record is one line")
    guard let again = try? DataLogLine(parsing: written) else { return require(false, "what was written is read") }
    require(again.time.description == line.time.description, "the time survives")
    require(comparable(again.record) == comparable(line.record), "the record survives")
    if let payload = line.record.payload {
      _ = try? MessagePack.string(payload)
      _ = try? Envelope(payload)
    }
  }

  /// Without what is written otherwise than it was read: line breaks in a body, durations beyond 300 years.
  private static func comparable(_ record: DataRecord) -> DataRecord {
    var record = record
    let body = record.push?.body.map { $0 == 0x0a || $0 == 0x0d ? 0x20 : $0 } ?? []
    record.push?.body = body
    if let elapsed = record.push?.elapsed, elapsed >= .seconds(10_000_000_000) { record.push?.elapsed = .zero }
    return record
  }
}
