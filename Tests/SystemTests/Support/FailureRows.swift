import Foundation
import MEDTestSupport

/// The failure log as the sqlite3 program sees it.
struct FailureRow: Equatable {
  let jobID: String
  let subscription: Int
  let first: String
  let last: String
  let body: String
  let target: String
  let retryTimes: Int
  let isAlive: Bool
  let finalStatus: Int
}

extension SystemHarness {
  private var storePath: String { directory.file("data/medispatcher.sqlite") }

  func failureRows() async throws -> [FailureRow] {
    let result = try await ServerProcess.run(
      "/usr/bin/env",
      ["sqlite3", "-readonly", "-json", storePath, "SELECT * FROM broadcast_failure_log ORDER BY log_id;"])
    guard !result.output.isEmpty else { return [] }
    let rows = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [[String: Any]] ?? []
    return rows.map { row in
      FailureRow(
        jobID: row["job_id"] as? String ?? "", subscription: row["subscription_id"] as? Int ?? -1,
        first: row["first_failure_message"] as? String ?? "", last: row["last_failure_message"] as? String ?? "",
        body: row["message_body"] as? String ?? "", target: row["last_target"] as? String ?? "",
        retryTimes: row["retry_times"] as? Int ?? -1, isAlive: row["alive"] as? Int == 1,
        finalStatus: row["final_status"] as? Int ?? -1)
    }
  }

  /// Waits until there are so many rows and none is open.
  func waitForClosedRows(_ count: Int) async throws -> [FailureRow] {
    var rows: [FailureRow] = []
    try await eventually("\(count) rows, all closed", within: .seconds(30), every: .milliseconds(50)) {
      rows = try await failureRows()
      return rows.count == count && rows.allSatisfy { !$0.isAlive }
    }
    return rows
  }

  /// Keeps everybody from writing into the store until ``StoreLock/release()``.
  func lockStore() async throws -> StoreLock { try StoreLock(storePath) }
}

/// A sqlite3 program that holds the write lock.
final class StoreLock {
  private let process = Process()
  private let input = Pipe()

  init(_ path: String) throws {
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["sqlite3", "-bail", path]
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    input.fileHandleForWriting.write(Data(".timeout 20000\nBEGIN IMMEDIATE; SELECT 'locked';\n".utf8))
    let answer = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    guard answer.hasPrefix("locked") else { throw StillThere(description: "the store could not be locked: \(answer)") }
  }

  func release() {
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
  }

  deinit { process.terminate() }
}
