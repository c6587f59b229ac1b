import Foundation
import MEDCore
import StoreConformance
import Testing

@testable import MEDSQLite

@Suite("§7 Failure log in SQLite")
struct FailureLogTests {
  @Test func `it does what every failure log has to do`() async throws {
    let place = Place()
    try await expectConformance(of: place.store()) { try place.failures($0) }
  }

  @Test func `it is read as every failure log is`() async throws {
    let place = Place()
    let store = place.store()
    _ = try await store.addSubscription(topic: "paid", urls: ["http://a/"], subscriber: "s")
    try await expectReadingConformance(of: store, topicID: 1)
  }

  @Test func `a page looks at so many rows, finds none, and tells where to go on`() async throws {
    let place = Place()
    let store = place.store()
    let entries = (0..<50).map { FailureEntry(subscription: $0 == 3 ? 1 : 2, jobID: "\($0)-1-2", time: 1) }
    let ids = try await store.write(entries)
    var query = FailureQuery()
    query.subscription = 1
    var found: [Int] = []
    var pages = 0
    while pages < 100 {
      let page = try await store.writer.read { [query] in try FailureReading($0).page(query, window: 20) }
      pages += 1
      found += page.records.map(\.id)
      guard let next = page.next else { break }
      query.before = next
    }
    #expect(found == [ids[3]])
    #expect(pages == 3)
  }

  @Test func `columns that a table doesn't have are read as nothing`() async throws {
    let place = Place()
    try place.sqlite3(Place.toolSchema)
    let store = place.store()
    _ = try await store.write([FailureEntry(subscription: 7, jobID: "1-2-7", time: 5, firstFailure: "first")])
    let record = try #require(try await store.failures(FailureQuery()).records.first)
    #expect(record.id == 1 && record.jobID == "1-2-7" && record.subscription == 0 && record.state == .givenUp)
    #expect(try await store.failure(1)?.message == nil)
  }

  @Test func `it does so on a table made by hand, without keys and indexes, with more columns`() async throws {
    let place = Place()
    try place.sqlite3(
      """
      CREATE TABLE broadcast_failure_log (job_id VARCHAR(99), log_id BIGINT, note DEFAULT 'x', alive INT,
        message_class_id INT, subscriber_id INT, subscription_id INT, message_body TEXT, time INT, message_time DOUBLE,
        first_failure_message TEXT, last_failure_message TEXT, last_target CHAR(255), retry_times INT,
        last_retry_time INT, Final_Status TINYINT NOT NULL);
      """)
    try await expectConformance(of: place.store()) { jobID in
      try place.failures(jobID).map { row in
        var row = row
        row["final_status"] = row["Final_Status"]
        return row
      }
    }
  }

  @Test func `columns that a table doesn't have are left out`() async throws {
    let place = Place()
    try place.sqlite3(Place.toolSchema)
    let store = place.store()
    let entry = FailureEntry(subscription: 7, jobID: "1-2-7", time: 5, firstFailure: "first")
    var end = entry
    end.end = .delivered
    #expect(try await store.write([entry, end, entry]) == [1, 1, 1])
    end.logID = 1
    #expect(try await store.write([end]) == [1])
    #expect(try place.sqlite3("SELECT * FROM broadcast_failure_log;") == "1|1-2-7")
  }

  @Test(arguments: ["log_id INTEGER PRIMARY KEY", "job_id TEXT"])
  func `a table without log_id or job_id is a store that must be mended`(column: String) async throws {
    let place = Place()
    try place.sqlite3("CREATE TABLE broadcast_failure_log (\(column), alive INT);")
    do throws(StoreError) {
      _ = try await place.store().write([FailureEntry(subscription: 1, jobID: "1")])
      Issue.record("expected .schema")
    } catch {
      #expect(error.code == .schema)
      #expect(error.disposition == .retry)
    }
  }

  @Test func `a batch is written as a whole or not at all, and a refused entry is told from a store that is down`()
    async throws
  {
    let place = Place()
    try place.sqlite3(
      """
      CREATE TABLE broadcast_failure_log (log_id INTEGER PRIMARY KEY, job_id TEXT CHECK (job_id <> 'bad'), alive INT);
      """)
    let store = place.store()
    do throws(StoreError) {
      _ = try await store.write(["a", "bad", "b"].map { FailureEntry(subscription: 1, jobID: $0) })
      Issue.record("expected .constraint")
    } catch {
      #expect(error.code == .constraint)
      #expect(error.disposition == .fatal)
    }
    #expect(try place.sqlite3("SELECT count(*) FROM broadcast_failure_log;") == "0")
    #expect(try await store.write([FailureEntry(subscription: 1, jobID: "a")]) == [1])
  }

  @Test func `while others hold the lock it is busy, then it goes on`() async throws {
    let place = Place()
    let store = place.store()
    try await store.open()
    let lock = try place.begin("BEGIN IMMEDIATE; SELECT 'locked';")
    #expect(lock.line() == "locked")
    do throws(StoreError) {
      _ = try await store.write([FailureEntry(subscription: 1, jobID: "a")])
      Issue.record("expected .busy")
    } catch {
      #expect(error.code == .busy)
    }
    // Who looks topics up doesn't wait for it.
    #expect(try await store.subscriptions(ofTopic: "t").isEmpty)
    lock.end("ROLLBACK;")
    #expect(try await store.write([FailureEntry(subscription: 1, jobID: "a")]) == [1])
  }

  @Test func `rows that come and go leave the operator's rows alone`() async throws {
    let place = Place()
    let store = place.store()
    try await store.open()
    try place.sqlite3(
      "INSERT INTO broadcast_failure_log (job_id, subscription_id, first_failure_message) VALUES ('1-2-7', 8, 'theirs');"
    )
    #expect(try await store.write([FailureEntry(subscription: 7, jobID: "1-2-7")]) == [2])
    #expect(
      try place.sqlite3("SELECT subscription_id, first_failure_message FROM broadcast_failure_log ORDER BY log_id;")
        == "8|theirs\n7|")
  }
}

extension Place {
  /// The rows of a job id, as the sqlite3 program shows them.
  func failures(_ jobID: String) throws -> [[String: String]] {
    let text = try sqlite3(".mode json\nSELECT * FROM broadcast_failure_log WHERE job_id = '\(jobID)' ORDER BY log_id;")
    guard !text.isEmpty else { return [] }
    let rows = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]] ?? []
    return rows.map { $0.mapValues { $0 is NSNull ? "" : "\($0)" } }
  }
}
