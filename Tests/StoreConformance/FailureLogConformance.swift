#if canImport(Testing)
  import MEDCore

  /// What every failure log has to do, whatever it is kept in (SPEC §7).
  ///
  /// - Parameters:
  ///   - log: empty.
  ///   - rows: the rows of a job id as text by column, in the order of their ids; NULL is "".
  public func expectConformance(
    of log: some FailureLog, rows: (_ jobID: String) async throws -> [[String: String]]
  ) async throws {
    try await expectLifeOfARow(log, rows)
    try await expectRowsAreFound(log, rows)
    try await expectMissingRowsAreMade(log, rows)
    try await expectTextsAreKept(log, rows)
  }

  private typealias Rows = (_ jobID: String) async throws -> [[String: String]]

  /// msgpack: {"MsgKey": "t", "Body": {"ä": 1}}
  private let message: [UInt8] =
    [0x82, 0xA6] + Array("MsgKey".utf8) + [0xA1, 0x74, 0xA4] + Array("Body".utf8) + [0x81, 0xA2] + Array("ä".utf8) + [1]

  private func first(_ jobID: String, subscription: Int = 7) -> FailureEntry {
    FailureEntry(
      subscription: subscription, jobID: jobID, topicID: 3, subscriberID: 4, messageTime: 1_700_000_000.25,
      message: message, time: 1_700_000_001, firstFailure: "first", lastTarget: "http://a/")
  }

  private func retried(_ jobID: String, _ times: UInt64, logID: UInt64 = 0) -> FailureEntry {
    FailureEntry(
      subscription: 7, jobID: jobID, topicID: 3, subscriberID: 4, logID: logID, message: message, time: 1_700_000_009,
      firstFailure: "retry \(times)", lastFailure: "retry \(times)", lastTarget: "http://b/", retryTimes: times,
      lastRetryTime: 1_700_000_009)
  }

  private func end(_ jobID: String, _ end: FailureEntry.End, logID: UInt64 = 0) -> FailureEntry {
    FailureEntry(
      subscription: 7, jobID: jobID, topicID: 3, subscriberID: 4, logID: logID, time: 1_700_000_020, retryTimes: 2,
      lastRetryTime: 1_700_000_020, end: end)
  }

  private func expectLifeOfARow(_ log: some FailureLog, _ rows: Rows) async throws {
    let ids = try await log.write([first("1.000000-5-7")])
    let made = try require(try await rows("1.000000-5-7").first)
    expect(ids, is: [Int(made["log_id"] ?? "")])
    let expected = [
      "message_class_id": "3", "subscriber_id": "4", "subscription_id": "7", "message_body": #"{"ä":1}"#,
      "time": "1700000001", "message_time": "1700000000.25", "first_failure_message": "first",
      "last_failure_message": "", "last_target": "http://a/", "job_id": "1.000000-5-7", "retry_times": "0",
      "last_retry_time": "0", "final_status": "0", "alive": "1",
    ]
    for (column, value) in expected { expect(made[column] == value, "\(column)") }

    let id = UInt64(ids.first ?? 0)
    expect(try await log.write([retried("1.000000-5-7", 1, logID: id)]), is: ids)
    let tried = try require(try await rows("1.000000-5-7").first)
    let changed = [
      "last_failure_message": "retry 1", "last_target": "http://b/", "retry_times": "1",
      "last_retry_time": "1700000009", "alive": "1",
    ]
    for (column, value) in expected.merging(changed, uniquingKeysWith: { $1 }) {
      expect(tried[column], is: value, "\(column)")
    }

    expect(try await log.write([end("1.000000-5-7", .delivered, logID: id)]), is: ids)
    let closed = try require(try await rows("1.000000-5-7").first)
    expect(closed["final_status"], is: "1")
    expect(closed["alive"], is: "0")
    expect(closed["retry_times"], is: "2")
    expect(closed["last_failure_message"], is: "retry 1")
    expect(closed["last_target"], is: "http://b/")

    // All of it once more, as a journal is replayed.
    _ = try await log.write([
      first("1.000000-5-7"), retried("1.000000-5-7", 1), end("1.000000-5-7", .delivered),
    ])
    expect(try await rows("1.000000-5-7"), is: [closed])
  }

  private func expectRowsAreFound(_ log: some FailureLog, _ rows: Rows) async throws {
    let ids = try await log.write([first("2.000000-5-7"), first("3.000000-5-7"), retried("2.000000-5-7", 1)])
    expect(ids.count, is: 3)
    expect(ids[0] == ids[2] && ids[0] != ids[1], "rows of one batch are found by its later entries")
    expect(try await log.write([end("2.000000-5-7", .givenUp)]), is: [ids[0]], "without an id, by the job id")
    let given = try await rows("2.000000-5-7")
    expect(given.map { $0["alive"] }, is: ["0"])
    expect(given.map { $0["final_status"] }, is: ["0"])

    // The id of another message's row, as after a change of the store.
    expect(try await log.write([end("3.000000-5-7", .delivered, logID: UInt64(ids[0]))]), is: [ids[1]])
    expect(try await rows("3.000000-5-7").map { $0["final_status"] }, is: ["1"])
    expect(try await rows("2.000000-5-7"), is: given)
    expect(try await log.write([]), is: [])
  }

  private func expectMissingRowsAreMade(_ log: some FailureLog, _ rows: Rows) async throws {
    _ = try await log.write([retried("4.000000-5-7", 3), end("5.000000-5-7", .delivered, logID: 1_000_000)])
    let retried = try require(try await rows("4.000000-5-7").first)
    expect(retried["first_failure_message"], is: "retry 3")
    expect(retried["last_failure_message"], is: "retry 3")
    expect(retried["retry_times"], is: "3")
    expect(retried["message_body"], is: #"{"ä":1}"#)
    let ended = try require(try await rows("5.000000-5-7").first)
    expect(ended["final_status"], is: "1")
    expect(ended["alive"], is: "0")
    expect(ended["message_body"], is: "null", "an entry without its message")

    let many = (0..<700).map { first("6.\($0)-7") }
    let ids = try await log.write(many)
    expect(Set(ids).count, is: 700)
  }

  private func expectTextsAreKept(_ log: some FailureLog, _ rows: Rows) async throws {
    let text = "'\"\\; -- %s ü 🎈\n" + String(repeating: "x", count: 4_096)
    var entry = first("7.000000-5-7")
    entry.firstFailure = text
    entry.lastFailure = text
    _ = try await log.write([entry])
    let row = try require(try await rows("7.000000-5-7").first)
    expect(row["first_failure_message"], is: text)
    expect(row["last_failure_message"], is: text)
  }
#endif
