import Logging
import MEDLoop
import Testing

@testable import MEDCore

@Suite("§4 Which queue server gets the copies")
struct ServerChoiceTests {
  private static func run(
    servers: Int, _ body: @escaping @Sendable (isolated LoopActor, EngineContext, MemoryQueue) async -> Void
  ) async throws {
    let loop = try EventLoop.start()
    defer { loop.stop() }
    let queue = MemoryQueue(servers: servers)
    await LoopActor(loop: loop).run { actor in
      let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
      var configuration = DispatcherConfiguration(mainQueue: EngineHarness.main)
      configuration.placementPause = .milliseconds(1)
      let context = EngineContext(
        configuration: configuration, actor: actor, dataLog: MemoryDataLog(),
        directory: SubscriptionDirectory(store: FixedSubscriptions([]), rules: ChannelRules(), logger: logger),
        logger: logger)
      context.open(queue)
      await body(actor, context, queue)
    }
  }

  @Test func `servers that can be reached take turns`() async throws {
    try await Self.run(servers: 3) { _, context, queue in
      var counts = [0, 0, 0]
      for _ in 0..<300 { counts[context.nextReachableDesk().index] += 1 }
      #expect(counts == [100, 100, 100])
      queue.state.withLock { $0.isReachable[1] = false }
      for _ in 0..<300 { counts[context.nextReachableDesk().index] += 1 }
      #expect(counts[1] == 100)
      #expect(context.desksToTry().last?.index == 1, "it is tried too, after the others")
    }
  }

  @Test func `one that refuses a put gets no more for a second while there is another`() async throws {
    try await Self.run(servers: 2) { actor, context, queue in
      let put = Put(tube: EngineHarness.channel1, body: [0])
      queue.state.withLock { $0.putFaults = [.refused] }
      #expect(await context.put([put], at: context.desks[0]) == [.refused("OUT_OF_MEMORY")])
      let now = ContinuousClock.now
      #expect(context.desks[0].isRefusing(at: now))
      #expect(!context.desks[0].isRefusing(at: now + .seconds(1.1)))
      #expect(!context.desks[1].isRefusing(at: now))
      // If all refuse one of them is as good as another.
      queue.state.withLock { $0.putFaults = [.refused] }
      _ = await context.put([put], at: context.desks[1])
      #expect(context.desksToTry().count == 2)
    }
  }

  @Test(arguments: [0, 1, nil] as [Int?]) func `a copy is offered three times to each, counting the time before`(
    tried: Int?
  ) async throws {
    try await Self.run(servers: 2) { _, context, queue in
      queue.state.withLock { $0.putFaults = Array(repeating: .refused, count: 100) }
      let outcome = await CopyPlacement(context).place(
        [0], in: EngineHarness.channel1, own: context.desks[0], tried: tried.map { context.desks[$0] })
      guard case .refused("OUT_OF_MEMORY") = outcome else {
        Issue.record("\(outcome)")
        return
      }
      #expect(queue.state.withLock { 100 - $0.putFaults.count } == (tried == nil ? 6 : 5))
    }
  }

  @Test func `JOB_TOO_BIG is final on the first server that says it`() async throws {
    try await Self.run(servers: 3) { _, context, queue in
      queue.state.withLock { $0.putFaults = [.refused, .tooBig] }
      let outcome = await CopyPlacement(context).place([0], in: EngineHarness.channel1, own: context.desks[0])
      guard case .refused(CopyPlacement.tooBig) = outcome else {
        Issue.record("\(outcome)")
        return
      }
      #expect(queue.state.withLock { $0.putFaults.isEmpty && $0.total == 0 })
    }
  }

  @Test func `while the own server is away a copy that nobody takes must wait`() async throws {
    try await Self.run(servers: 2) { _, context, queue in
      queue.state.withLock { state in
        state.isReachable[0] = false
        state.putFaults = Array(repeating: .refused, count: 100)
      }
      let outcome = await CopyPlacement(context).place([0], in: EngineHarness.channel1, own: context.desks[0])
      guard case .mustWait = outcome else {
        Issue.record("\(outcome)")
        return
      }
    }
  }
}
