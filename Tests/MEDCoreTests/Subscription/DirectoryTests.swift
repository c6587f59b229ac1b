import Glibc
import Logging
import Testing

import enum MEDTestSupport.Patience

@testable import MEDCore

@Suite("§7 Directory of subscriptions")
@MainActor
struct DirectoryTests {
  private let clock = ManualTime()

  private func directory(
    _ store: MemorySubscriptionStore, data: String? = nil, maximumAbsences: Int = 100_000, rules: ChannelRules = .init()
  ) -> SubscriptionDirectory {
    SubscriptionDirectory(
      store: store, rules: rules, dataDirectory: data, maximumAbsences: maximumAbsences, timing: clock.timing,
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
  }

  private func known(_ directory: SubscriptionDirectory, _ topic: String) -> [Int]? {
    guard case .known(let channels) = directory.lookup(topic) else { return nil }
    return channels.map(\.id)
  }

  @Test func `after the start every subscribed topic is known without asking`() async {
    let store = MemorySubscriptionStore([.make(1, "a"), .make(2, "a"), .make(3, "b")])
    let directory = directory(store)
    await directory.start()
    #expect(known(directory, "a") == [1, 2])
    #expect(known(directory, "b") == [3])
    #expect(known(directory, "c") == nil)
    #expect(await store.lookups == [])
    #expect(directory.channel(3)?.names?.channel.description == "b/sub-queue/3")
    #expect(directory.owner(ofTube: "a/sub-queue/2/FAIL") == TubeOwner(subscription: 2, isRetry: true))
    #expect(directory.owner(ofTube: "a/sub-queue/3") == nil)
  }

  @Test func `a topic is looked up once however many ask`() async throws {
    let store = MemorySubscriptionStore([.make(1, "a")])
    let directory = directory(store)
    await store.hold()
    let asking = (0..<100).map { _ in Task { @MainActor in try await directory.resolve("a").map(\.id) } }
    await until { await store.heldCount == 1 }
    await store.letGo()
    for task in asking { #expect(try await task.value == [1]) }
    #expect(await store.lookups == ["a"])
  }

  @Test func `an absent topic is looked up once, until a refresh finds it`() async throws {
    let store = MemorySubscriptionStore()
    let directory = directory(store)
    await directory.start()
    #expect(try await directory.resolve("a").isEmpty)
    #expect(known(directory, "a") == [])
    await directory.refresh()
    #expect(try await directory.resolve("a").isEmpty)
    #expect(await store.lookups == ["a"])

    await store.set([.make(1, "a")])
    await directory.refresh()
    #expect(known(directory, "a") == [1])
  }

  @Test func `absences are forgotten when there are too many`() async throws {
    let store = MemorySubscriptionStore()
    let directory = directory(store, maximumAbsences: 3)
    for topic in ["a", "b", "c", "d"] { _ = try await directory.resolve(topic) }
    #expect(directory.health.absentTopics == 1)
    #expect(known(directory, "d") == [])
    #expect(known(directory, "a") == nil)
  }

  @Test func `while the store is down the last known state and absences hold, and other topics wait`() async throws {
    let store = MemorySubscriptionStore([.make(1, "a")])
    let directory = directory(store)
    await directory.start()
    _ = try await directory.resolve("absent")
    await store.set(isDown: true)
    await directory.refresh()
    #expect(known(directory, "a") == [1])
    #expect(known(directory, "absent") == [])
    await #expect(throws: StoreError.self) { _ = try await directory.resolve("new") }
    #expect(directory.health.storeError?.code == .unavailable)
    #expect(directory.health.subscriptions == 1)
  }

  @Test func `a store that is down is asked again after a growing time, and its return is told`() async throws {
    let store = MemorySubscriptionStore()
    let directory = directory(store)
    var returns = 0
    directory.onStoreAnswersAgain = { returns += 1 }
    await store.set(isDown: true)
    for _ in 0..<10 { await #expect(throws: StoreError.self) { _ = try await directory.resolve("a") } }
    #expect(await store.lookups.count == 1)
    clock.advance(.milliseconds(999))
    await #expect(throws: StoreError.self) { _ = try await directory.resolve("a") }
    #expect(await store.lookups.count == 1)
    clock.advance(.milliseconds(1))
    await #expect(throws: StoreError.self) { _ = try await directory.resolve("a") }
    #expect(await store.lookups.count == 2)
    clock.advance(.milliseconds(1_999))
    await #expect(throws: StoreError.self) { _ = try await directory.resolve("a") }
    #expect(await store.lookups.count == 2)

    await store.set(isDown: false)
    clock.advance(.milliseconds(1))
    #expect(try await directory.resolve("a").isEmpty)
    #expect(returns == 1)
    #expect(directory.health.storeError == nil)
  }

  @Test func `parameters that were set are in force at once, and told as a change`() async {
    let store = MemorySubscriptionStore([.make(1, "a", ["ProcessTimeout": "70"])])
    let directory = directory(store)
    await directory.start()
    var changes: [SubscriptionChanges] = []
    directory.onChange = { changes.append($0) }
    #expect(directory.set(["Concurrency": "7"], of: 1))
    #expect(directory.channel(1)?.parameters.concurrency == 7)
    #expect(directory.channel(1)?.parameters.processTimeout == .milliseconds(70))
    #expect(changes.map(\.changed) == [[1]])
    #expect(directory.set(["Concurrency": "7"], of: 1))
    #expect(changes.count == 1)
    #expect(!directory.set(["Concurrency": "7"], of: 2))
    #expect(directory.set(["ProcessTimeout": nil], of: 1))
    #expect(directory.channel(1)?.parameters.processTimeout == .seconds(5))
    #expect(known(directory, "a") == [1])
  }

  @Test func `a refresh that read the store before takes nothing away, and the next one reads everything anew`() async {
    let store = MemorySubscriptionStore([.make(1, "a"), .make(2, "a")])
    let directory = directory(store)
    await directory.start()
    await store.set([.make(1, "a"), .make(2, "a"), .make(3, "a")])
    await store.hold()
    let refresh = Task { @MainActor in await directory.refresh() }
    await until { await store.heldCount == 1 }
    #expect(directory.set(["Concurrency": "7"], of: 1))
    await store.letGo()
    await refresh.value
    #expect(directory.channel(1)?.parameters.concurrency == 7)
    #expect(known(directory, "a")?.sorted() == [1, 2, 3])
    // In the store there is another value by now: somebody else's word, which comes later.
    await store.set([.make(1, "a", ["Concurrency": "9"]), .make(2, "a")])
    await directory.refresh()
    #expect(directory.channel(1)?.parameters.concurrency == 9)
    #expect(known(directory, "a")?.sorted() == [1, 2])
  }

  @Test func `parameters that were set hold when the configuration changes at the same time`() async {
    let store = MemorySubscriptionStore([.make(1, "a", ["Concurrency": "3"])])
    let directory = directory(store)
    await directory.start()
    var rules = ChannelRules()
    rules.environment = "blue"
    let changed = rules
    let configuring = Task { @MainActor in await directory.configure(changed) }
    await Task.yield()
    #expect(directory.set(["Concurrency": "7"], of: 1))
    await configuring.value
    #expect(directory.channel(1)?.parameters.concurrency == 7)
  }

  @Test func `whoever waits for a lookup that was cancelled asks itself`() async throws {
    let store = MemorySubscriptionStore([.make(1, "a")])
    let directory = directory(store)
    await store.hold()
    await store.cancelNext()
    let first = Task { @MainActor in try await directory.resolve("a").map(\.id) }
    await until { await store.heldCount == 1 }
    let second = Task { @MainActor in try await directory.resolve("a").map(\.id) }
    await Task.yield()
    await store.letGo()
    await #expect(throws: StoreError.self) { _ = try await first.value }
    #expect(try await second.value == [1])
    #expect(directory.health.storeError == nil)
  }

  @Test func `a refresh reports what is new, changed and cancelled, and leaves the rest alone`() async {
    let store = MemorySubscriptionStore([.make(1, "a"), .make(2, "a"), .make(3, "b")])
    let directory = directory(store)
    var changes: [SubscriptionChanges] = []
    directory.onChange = { changes.append($0) }
    await directory.start()
    #expect(changes.map(\.added) == [[1, 2, 3]])
    let unchanged = directory.channel(1)
    let before = directory.channel(2)

    await store.set([.make(1, "a"), .make(2, "a", ["Concurrency": "3"]), .make(4, "c")])
    await directory.refresh()
    #expect(changes.last?.added == [4])
    #expect(changes.last?.changed == [2])
    #expect(changes.last?.cancelled == [3])
    #expect(directory.channel(1) === unchanged)
    #expect(directory.channel(2)?.generation != before?.generation)
    #expect(directory.channel(2)?.parameters.concurrency == 3)
    #expect(known(directory, "b") == nil)
    #expect(directory.owner(ofTube: "b/sub-queue/3") == nil)

    await store.set(await store.subscriptions)
    await directory.refresh()
    #expect(changes.count == 2)
  }

  @Test func `a subscription found by a lookup is told as new once`() async throws {
    let store = MemorySubscriptionStore()
    let directory = directory(store)
    var changes: [SubscriptionChanges] = []
    directory.onChange = { changes.append($0) }
    await directory.start()
    await store.set([.make(1, "a")])
    #expect(try await directory.resolve("a").map(\.id) == [1])
    await directory.refresh()
    #expect(changes.map(\.added) == [[1]])
    #expect(changes.map(\.changed) == [[]])
  }

  @Test func `what a lookup finds during a refresh stays, and the next refresh decides`() async throws {
    let store = MemorySubscriptionStore()
    let directory = directory(store)
    var changes: [SubscriptionChanges] = []
    directory.onChange = { changes.append($0) }
    await store.hold()
    // The refresh reads the store before the subscription is there, its answer comes after the lookup's.
    let refresh = Task { @MainActor in await directory.refresh() }
    await until { await store.heldCount == 1 }
    await store.set([.make(1, "a")])
    let lookup = Task { @MainActor in try await directory.resolve("a").map(\.id) }
    await until { await store.heldCount == 2 }
    await store.letGo()
    #expect(try await lookup.value == [1])
    await refresh.value
    await directory.refresh()
    #expect(known(directory, "a") == [1])
    #expect(changes.flatMap(\.added) == [1])
    #expect(changes.flatMap(\.cancelled) == [])
    await store.set([])
    await directory.refresh()
    #expect(changes.last?.cancelled == [1])
  }

  @Test func `a refresh asked for during another one begins after it`() async {
    let store = MemorySubscriptionStore()
    let directory = directory(store)
    await store.hold()
    let first = Task { @MainActor in await directory.refresh() }
    await until { await store.heldCount == 1 }
    await store.set([.make(1, "a")])
    let more = (0..<5).map { _ in Task { @MainActor in await directory.refresh() } }
    for _ in 0..<10 { await Task.yield() }
    await store.letGo()
    await first.value
    for task in more { await task.value }
    #expect(known(directory, "a") == [1])
    #expect(await store.refreshes == 2)
  }

  @Test func `a cleared topic is looked up afresh, and what is known holds until then`() async throws {
    let store = MemorySubscriptionStore([.make(1, "a")])
    let directory = directory(store)
    await directory.start()
    _ = try await directory.resolve("order_paid")
    _ = try await directory.resolve("invoice")
    await directory.clear(keyPrefixes: ["subscriptions_order"])
    #expect(known(directory, "order_paid") == nil)
    #expect(known(directory, "invoice") == [])
    #expect(known(directory, "a") == [1])
    #expect(await store.refreshes == 2)
    await directory.clear()
    #expect(known(directory, "invoice") == nil)
  }

  @Test func `a changed configuration is in force at once, even while the store is down`() async {
    let store = MemorySubscriptionStore([.make(1, "a")])
    let directory = directory(store)
    await directory.start()
    await store.set(isDown: true)
    var defaults = SubscriptionDefaults()
    defaults.sendersPerChannel = 6
    var changed: [Int] = []
    directory.onChange = { changed += $0.changed }
    await directory.configure(ChannelRules(channelPrefix: "q/", defaults: defaults))
    #expect(directory.channel(1)?.parameters.concurrency == 6)
    #expect(directory.channel(1)?.names?.channel.description == "a/q/1")
    #expect(directory.owner(ofTube: "a/q/1/FAIL") == TubeOwner(subscription: 1, isRetry: true))
    #expect(changed == [1])
  }

  @Test func `a changed configuration neither waits for a store that hangs nor is undone by its answer`() async {
    let store = MemorySubscriptionStore([.make(1, "a")])
    let directory = directory(store)
    await directory.start()
    await store.set([.make(1, "a"), .make(2, "a")])
    await store.hold()
    let refreshing = Task { @MainActor in await directory.refresh() }
    await until { await store.heldCount == 1 }
    var defaults = SubscriptionDefaults()
    defaults.sendersPerChannel = 6
    await directory.configure(ChannelRules(defaults: defaults))
    #expect(directory.channel(1)?.parameters.concurrency == 6)
    await store.letGo()
    await refreshing.value
    #expect([1, 2].map { directory.channel($0)?.parameters.concurrency } == [6, 6])
  }

  @Test func `one bad row stops nothing`() async {
    let bad = Subscription(id: 1, topic: "no tube", receptionChannel: "nowhere", parameters: ["Concurrency": "x"])
    let store = MemorySubscriptionStore([bad, .make(1, "a"), .make(2, "a")])
    let directory = directory(store)
    await directory.start()
    #expect(directory.channel(1)?.names == nil)
    #expect(directory.channel(1)?.targets.isEmpty == true)
    #expect(directory.channel(1)?.parameters.concurrency == 1)
    #expect(known(directory, "a") == [2])
  }

  @Test func `ReceptionUri wins over the reception channel`() async {
    let store = MemorySubscriptionStore([
      .make(1, "a", ["ReceptionUri": "http://other/"]), .make(2, "a", ["ReceptionUri": ""]),
    ])
    let directory = directory(store)
    await directory.start()
    #expect(directory.channel(1)?.targets.all.map(\.url) == ["http://other/"])
    #expect(directory.channel(2)?.targets.all.map(\.url) == ["http://127.0.0.1/2"])
  }

  @Test func `a restart while the store is down goes on with the last known state`() async throws {
    let place = TemporaryDirectory()
    let store = MemorySubscriptionStore([.make(1, "a", ["Concurrency": "2"]), .make(2, "b")])
    let first = directory(store, data: place.path)
    await first.start()
    await first.flush()

    await store.set(isDown: true)
    let second = directory(store, data: place.path)
    await second.start()
    #expect(known(second, "a") == [1])
    #expect(second.channel(1)?.parameters.concurrency == 2)
    #expect(second.health.isFromSnapshot)
    await #expect(throws: StoreError.self) { _ = try await second.resolve("c") }

    await store.set(isDown: false)
    await store.set([.make(2, "b")])
    await second.refresh()
    #expect(known(second, "a") == nil)
    #expect(!second.health.isFromSnapshot)
    await second.flush()
    await store.set(isDown: true)
    let third = directory(store, data: place.path)
    await third.start()
    #expect(third.health.subscriptions == 1)
  }

  @Test func `a broken snapshot is ignored, one that can't be written is reported`() async throws {
    let place = TemporaryDirectory()
    let path = place.path + "/subscriptions.snapshot"
    #expect(SnapshotFile.write(Array("MEDSUBS1 broken".utf8), to: path) == nil)
    let store = MemorySubscriptionStore([.make(1, "a")])
    await store.set(isDown: true)
    let broken = directory(store, data: place.path)
    await broken.start()
    #expect(broken.health.subscriptions == 0)

    await store.set(isDown: false)
    let nowhere = directory(store, data: place.path + "/missing")
    await nowhere.start()
    await nowhere.flush()
    #expect(nowhere.health.snapshotError?.contains("missing") == true)
    #expect(known(nowhere, "a") == [1])
  }

  @Test func `each subscription with rows of its own has a file that says what is in force`() async throws {
    let place = TemporaryDirectory()
    func file(_ id: Int) -> String? {
      let bytes = try? SnapshotFile.read("\(place.path)/subscription_params_\(id).json").get()
      return bytes.map { String(decoding: $0, as: UTF8.self) }
    }
    let store = MemorySubscriptionStore([
      .make(1, "a", ["Concurrency": "2", "AlerterReceiver": "\"é\\", "SigningSecret": "hiddenAA"]), .make(2, "b"),
      .make(3, "c", ["Concurrency": "3"]),
    ])
    let directory = directory(store, data: place.path)
    await directory.start()
    await directory.flush()
    #expect(file(1)?.hasPrefix(#"{"Concurrency":2,"ConcurrencyOfRetry":1,"IntervalOfSending":0,"#) == true)
    #expect(file(1)?.contains(#""AlerterReceiver":"\"é\\","#) == true)
    #expect(file(1)?.contains("hidden") == false)
    #expect(file(2) == nil)
    #expect(file(3) != nil)

    await store.set([.make(1, "a", ["Concurrency": "4"]), .make(2, "b")])
    await directory.refresh()
    await directory.flush()
    #expect(file(1)?.hasPrefix(#"{"Concurrency":4,"#) == true)
    #expect(file(3) == nil)
  }

  @Test func `files past a burst follow one by one, and a change is written at once`() throws {
    let place = TemporaryDirectory()
    func content(_ id: Int) -> String? {
      let bytes = try? SnapshotFile.read("\(place.path)/subscription_params_\(id).json").get()
      return bytes.map { String(decoding: $0, as: UTF8.self) }
    }
    let ids = 1...(2 * ParameterFiles.burst + 2)
    func written() -> [Int] { ids.filter { content($0) != nil } }
    var files = ParameterFiles(directory: place.path)
    var subscriptions = ids.map { Subscription.make($0, "a", ["Concurrency": "2"]) }
    let first = SubscriptionTable().next(subscriptions, ChannelRules()).table
    #expect(files.update(first) == nil)
    #expect(written().count == ParameterFiles.burst)
    files.catchUp()
    #expect(written().count == ParameterFiles.burst + 1)

    let changed = try #require(written().first)
    subscriptions[changed - 1] = .make(changed, "a", ["Concurrency": "3"])
    #expect(files.update(first.next(subscriptions, ChannelRules()).table) == nil)
    #expect(content(changed)?.hasPrefix(#"{"Concurrency":3,"#) == true)
    #expect(written().count == 2 * ParameterFiles.burst + 1)
    #expect(files.isBehind)
    files.catchUp()
    #expect(written().count == ids.count)
    #expect(!files.isBehind)
  }

  @Test func `it refreshes at its interval, and with backoff while the store is down`() async {
    let store = MemorySubscriptionStore()
    let directory = directory(store)
    let run = Task { @MainActor in await directory.run() }
    await until { clock.slept == [.seconds(10)] }
    await store.set(isDown: true)
    clock.wake()
    await until { clock.slept.count == 2 }
    clock.wake()
    await until { clock.slept.count == 3 }
    await store.set(isDown: false)
    clock.wake()
    await until { clock.slept.count == 4 }
    #expect(clock.slept == [.seconds(10), .seconds(1), .seconds(2), .seconds(10)])
    run.cancel()
    clock.wake()
    await run.value
  }

  @Test func `a fixed list is read once`() async throws {
    let store = FixedSubscriptions([.make(1, "a"), .make(2, "b")])
    let directory = SubscriptionDirectory(store: store, logger: Logger(label: "test"))
    await directory.start()
    await directory.refresh()
    #expect(known(directory, "b") == [2])
    #expect(try await directory.resolve("c").isEmpty)
  }
}

/// Time that passes when it is told to.
@MainActor
private final class ManualTime {
  private var now = ContinuousClock.Instant.now
  private(set) var slept: [Duration] = []
  private var sleeping: [CheckedContinuation<Void, Never>] = []

  var timing: SubscriptionDirectory.Timing {
    SubscriptionDirectory.Timing(
      now: { [self] in MainActor.assumeIsolated { now } },
      sleep: { [self] in
        await rest($0)
        try Task.checkCancellation()
      }, random: { 0 })
  }

  func advance(_ duration: Duration) { now += duration }

  func wake() {
    for continuation in sleeping { continuation.resume() }
    sleeping = []
  }

  private func rest(_ duration: Duration) async {
    slept.append(duration)
    await withCheckedContinuation { sleeping.append($0) }
  }
}

/// Waits for a condition that other tasks bring about.
@MainActor
private func until(_ condition: @MainActor () async -> Bool) async {
  let deadline = ContinuousClock.now + .seconds(20) * Patience.factor
  while !(await condition()) {
    guard ContinuousClock.now < deadline else {
      Issue.record("the condition did not come true")
      return
    }
    await Task.yield()
  }
}

/// A directory of its own, removed with all in it.
private final class TemporaryDirectory {
  let path: String

  init() {
    var template = Array("/tmp/medispatcher-test-XXXXXX".utf8CString)
    path = template.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) } ?? ""
    }
  }

  deinit {
    if let directory = opendir(path) {
      while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        unlink("\(path)/\(name)")
      }
      closedir(directory)
    }
    rmdir(path)
  }
}
