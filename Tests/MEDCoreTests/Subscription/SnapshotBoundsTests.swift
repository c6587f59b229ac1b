import Glibc
import Logging
import MEDLoop
import Testing

@testable import MEDCore

@Suite("§7 What the directory writes, reads and says at most")
struct SnapshotBoundsTests {
  private static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private func table(_ id: Int) -> SubscriptionTable {
    SubscriptionTable().next([.make(id, "t")], ChannelRules()).table
  }

  @Test func `a snapshot larger than 1 GiB isn't read`() throws {
    #expect(SnapshotFile.maximumBytes == 1 << 30)
    var path = Array("/tmp/medispatcher-test-XXXXXX".utf8CString)
    let file = mkstemp(&path)
    try #require(file >= 0)
    defer {
      unlink(path)
      close(file)
    }
    // All of it a hole.
    try #require(ftruncate(file, (1 << 30) + 1) == 0)
    let name = String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    #expect(throws: StoreError.self) { try SnapshotFile.read(name).get() }
    try #require(ftruncate(file, 100) == 0)
    #expect(try SnapshotFile.read(name).get().count == 100)
  }

  @Test func `of the states that come while the disk is busy only the latest is written`() async throws {
    let written = Locked<[[Int]]>([])
    let isBusy = Locked(true)
    // Parameter files have nowhere to go, which fails without harm.
    let writer = SnapshotWriter(directory: "/nowhere", logger: Self.silent) { bytes, _ in
      let ids = try? SnapshotFormat.decode(bytes).get().map(\.id)
      written.withLock { $0.append(ids ?? []) }
      while isBusy.withLock({ $0 }) { usleep(1000) }  // why: the disk is busy
      return nil
    }
    writer.submit(table(1))
    try await EngineHarness().eventually("the first is being written") { written.withLock { $0.count == 1 } }
    for id in 2...5 { writer.submit(table(id)) }
    isBusy.withLock { $0 = false }
    await writer.flush()
    #expect(written.withLock { $0 } == [[1], [5]])
  }

  @Test(arguments: [(50, 50, 0), (60, 50, 10)])
  @MainActor
  func `at most 50 unusable rows are named at once, and the rest is counted`(
    rows: Int, named: Int, counted: Int
  ) async {
    #expect(SubscriptionDirectory.maximumWarnings == 50)
    let lines = Locked<[(message: String, metadata: Logger.Metadata)]>([])
    var logger = Logger(label: "test") { _ in CollectingHandler(lines: lines) }
    logger.logLevel = .warning
    let bad = (1...rows).map { Subscription(id: $0, topic: "t", receptionChannel: "nowhere") }
    let directory = SubscriptionDirectory(store: MemorySubscriptionStore(bad), logger: logger)
    await directory.start()
    let logged = lines.withLock { $0 }
    #expect(logged.count { $0.message == "subscription has unusable rows" } == named)
    let rest = logged.filter { $0.message == "more subscriptions have unusable rows" }
    #expect(rest.map { $0.metadata["count"]?.description } == (counted > 0 ? ["\(counted)"] : []))
    #expect(logged.count == named + (counted > 0 ? 1 : 0))
  }
}

/// Keeps what is logged.
private struct CollectingHandler: LogHandler {
  let lines: Locked<[(message: String, metadata: Logger.Metadata)]>
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.trace

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let line = (message: event.message.description, metadata: event.metadata ?? [:])
    lines.withLock { $0.append(line) }
  }
}
