// The data-log writer alone: a record that is on disk before one goes on, and how it is read again.
// data-log-example [directory]
import MEDCore

let directory = CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : "log"
let log = FileDataLog(directory: directory, splitByDay: false)

// Soon, and never waited for:
log.write(DataRecord(.dropped, topic: "order_paid", subscription: 1, reason: "no URL"))

// On disk when it returns: whatever else held these bytes may go now.
let payload = Array("the only copy".utf8)
try await log.commit(DataRecord(.exhausted, topic: "order_paid", subscription: 1, payload: payload))
try await log.close()

let reader = try DataLogReader(path: "\(directory)/data.log")
while let entry = try reader.next() {
  guard case .record(let line) = entry.content else { continue }
  print(line.record.kind.rawValue, line.record.reason ?? String(decoding: line.record.payload ?? [], as: UTF8.self))
}
