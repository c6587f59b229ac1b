import Foundation
import MEDCore
import MEDTestSupport

@testable import MEDApp

extension Scratch {
  func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/" + name))
  }

  func append(_ text: String, to name: String) throws {
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path + "/" + name))
    defer { try? handle.close() }
    try handle.seekToEnd()
    try handle.write(contentsOf: Data(text.utf8))
  }

  func file(_ name: String) -> String { path + "/" + name }
}

func replayTime(_ second: Int) -> RecordTime {
  RecordTime(microseconds: 1_795_408_020_000_000 + Int64(second) * 1_000_000)
}

/// A record of a message whose OriginJobId is `number`.
func replayRecord(_ number: Int, _ kind: RecordKind = .redistributionFailed) -> DataRecord {
  DataRecord(
    kind, topic: "order_paid", subscription: 352, queueServer: "127.0.0.1:1", jobID: UInt64(number), reason: "full",
    payload: TestMessage(topic: "order_paid", body: ["n": .integer(Int64(number))], originJobID: UInt64(number)).encoded
  )
}

/// As the DATA log has it, with the newline.
func replayLine(_ record: DataRecord, second: Int = 0) -> String {
  var bytes: [UInt8] = []
  DataLineFormatter.append(record, at: replayTime(second), to: &bytes)
  return String(decoding: bytes, as: UTF8.self)
}

func replayLines(_ numbers: Range<Int>) -> String {
  numbers.map { replayLine(replayRecord($0), second: $0) }.joined()
}
