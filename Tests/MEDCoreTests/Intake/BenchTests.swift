import Logging
import MEDLoop
import Testing

@testable import MEDCore

@Suite("§4 RunAtBench")
@MainActor
struct BenchTests {
  private static func bench(_ id: Int, _ topic: String, _ isWanted: Bool = true) -> Subscription {
    .make(id, topic, isWanted ? ["ReceiveBenchMsgs": "1"] : [:])
  }

  private static func directory(_ store: MemorySubscriptionStore) -> SubscriptionDirectory {
    SubscriptionDirectory(
      store: store, rules: ChannelRules(runsAtBench: true),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  private static func known(_ directory: SubscriptionDirectory, _ topic: String) -> [Int]? {
    guard case .known(let channels) = directory.lookup(topic) else { return nil }
    return channels.map(\.id)
  }

  @Test func `only subscriptions that want bench messages get copies, and the store isn't asked for the rest`() async {
    let store = MemorySubscriptionStore([
      Self.bench(1, "a"), .make(2, "a"), .make(3, "b"), .make(4, "b"), .make(5, "c", ["ReceiveBenchMsgs": "false"]),
    ])
    let directory = Self.directory(store)
    await directory.start()
    #expect(Self.known(directory, "a") == [1])
    #expect(Self.known(directory, "b") == [], "all refuse: as if there were none")
    #expect(Self.known(directory, "c") == [])
    #expect(Self.known(directory, "d") == nil)
    #expect(await store.lookups.isEmpty)
    // What lies in their channels is still theirs.
    #expect(directory.owner(ofTube: "b/sub-queue/3")?.subscription == 3)
    #expect(directory.channels.count == 5)
  }

  @Test func `a change of ReceiveBenchMsgs is followed live, in both directions`() async {
    let store = MemorySubscriptionStore([.make(1, "a"), Self.bench(2, "a")])
    let directory = Self.directory(store)
    await directory.start()
    await store.set([Self.bench(1, "a"), .make(2, "a")])
    await directory.refresh()
    #expect(Self.known(directory, "a") == [1])
    await store.set([.make(1, "a"), .make(2, "a")])
    await directory.refresh()
    #expect(Self.known(directory, "a") == [])
  }

  @Test func `a topic that a lookup finds to be refused by all is looked up once`() async throws {
    let store = MemorySubscriptionStore()
    let directory = Self.directory(store)
    await directory.start()
    await store.set([.make(1, "a")])
    for _ in 0..<3 { #expect(try await directory.resolve("a").isEmpty) }
    #expect(await store.lookups == ["a"])
    await store.set([Self.bench(1, "a")])
    await directory.refresh()
    #expect(Self.known(directory, "a") == [1])
  }

  @Test func `a normal instance serves all`() async {
    let store = MemorySubscriptionStore([Self.bench(1, "a"), .make(2, "a")])
    let directory = SubscriptionDirectory(
      store: store, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    await directory.start()
    #expect(Self.known(directory, "a") == [1, 2])
  }

  @Test func `a bench dispatcher pushes bench subscribers alone, and deletes what nobody wants`() async throws {
    var harness = EngineHarness(subscriptions: 2)
    harness.subscriptions = FixedSubscriptions([
      Self.bench(1, "t"), .make(2, "t"), .make(3, "u"),
    ])
    harness.configuration.runsAtBench = true
    harness.publish(Array(0..<20))
    harness.publish(Array(0..<20), topic: "u")
    try await harness.run { $0.total == 0 }
    let urls = harness.pusher.state.withLock { $0.urls }
    #expect(urls.count == 20)
    #expect(urls.allSatisfy { $0.hasPrefix("http://127.0.0.1/1?") })
  }
}
