import Glibc
import Testing

import class MEDLoop.Monitor
import enum MEDTestSupport.Patience

@testable import MEDCore

/// A directory of the test's own, removed at its end.
final class LogDirectory: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/medispatcher-datalog-XXXXXX".utf8CString)
    let made = template.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
    }
    path = try #require(made)
  }

  deinit { remove(path) }

  var names: [String] { entries(of: path).sorted() }

  func read(_ name: String) -> [UInt8]? {
    let descriptor = open("\(path)/\(name)", O_RDONLY)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count <= 0 { return bytes }
      bytes += chunk[..<count]
    }
  }

  func text(_ name: String) -> String? { read(name).map { String(decoding: $0, as: UTF8.self) } }

  func write(_ name: String, _ bytes: some Sequence<UInt8>) throws {
    let bytes = Array(bytes)
    let descriptor = open("\(path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, 0o640)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    try #require(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
  }

  private func entries(of path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }

  private func remove(_ path: String) {
    for name in entries(of: path) {
      let inner = "\(path)/\(name)"
      if unlink(inner) != 0 { remove(inner) }
    }
    rmdir(path)
  }
}

/// A value that several threads share in a test.
final class LogShared<Value>: Sendable {
  private let monitor: Monitor<Value>
  init(_ value: sending Value) { monitor = Monitor(value) }
  func with<Result>(_ body: (inout Value) -> Result) -> Result { monitor.withLock(body) }
}

/// Waits until `condition` holds, ten seconds at most.
func logEventually(_ condition: () -> Bool, sourceLocation: SourceLocation = #_sourceLocation) async throws {
  let deadline = ContinuousClock.now + .seconds(10) * Patience.factor
  while !condition() {
    guard ContinuousClock.now < deadline else {
      Issue.record("not within ten seconds", sourceLocation: sourceLocation)
      throw CancellationError()
    }
    try await Task.sleep(for: .milliseconds(2))  // why: the pause between two looks
  }
}

func logRecord(_ number: Int) -> DataRecord {
  DataRecord(.redistributionFailed, topic: "t", jobID: UInt64(number), payload: [0, 1, 2])
}

/// The job ids of the records in `bytes`; lines that are none are passed over.
func loggedJobIDs(_ bytes: [UInt8]) -> [UInt64] {
  bytes.split(separator: 0x0A).compactMap { try? DataLogLine(parsing: $0).record.jobID }
}

let logNoon = RecordTime("2026-11-23T12:00:00Z") ?? RecordTime(microseconds: 0)
