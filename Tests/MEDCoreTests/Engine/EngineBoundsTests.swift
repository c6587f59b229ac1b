import Logging
import MEDLoop
import Testing

@testable import MEDCore

@Suite("§4 What intake and probe do at most")
struct EngineBoundsTests {
  private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private static func run(
    _ queue: MemoryQueue, _ store: any SubscriptionStore,
    _ body: @escaping @Sendable (isolated LoopActor, EngineContext) async throws -> Void
  ) async throws {
    let loop = try EventLoop.start()
    defer { loop.stop() }
    try await LoopActor(loop: loop).run { actor in
      let context = EngineContext(
        configuration: DispatcherConfiguration(mainQueue: EngineHarness.main), actor: actor,
        dataLog: MemoryDataLog(), directory: SubscriptionDirectory(store: store, logger: logger), logger: logger)
      context.open(queue)
      try await body(actor, context)
    }
  }

  private static func subscriptions(_ count: Int) -> [Subscription] {
    (1...count).map { Subscription(id: $0, topic: "t", receptionChannel: "http://127.0.0.1:9/") }
  }

  @Test func `with 512 exceptions under way the listeners pause`() async throws {
    #expect(Intake.maximumExceptions == 512)
    let store = MemorySubscriptionStore(Self.subscriptions(1))
    await store.hold()
    let queue = MemoryQueue()
    queue.state.withLock { state in
      for number in 0..<1000 { _ = state.add(EngineHarness.message(UInt8(number % 100)), to: EngineHarness.main) }
    }
    try await Self.run(queue, store) { actor, context in
      let intake = Intake(context, context.desks[0]) { _, _, _ in }
      intake.start()
      try await actor.waitUntil("exceptions") { intake.exceptions >= Intake.maximumExceptions }
      for _ in 0..<500 {
        intake.wakeListeners()
        await Task.yield()
      }
      #expect(intake.exceptions == 512)
      #expect(queue.state.withLock { $0.buried } == 512)

      await store.letGo()
      try await actor.waitUntil("all are copied") {
        queue.state.withLock { $0.bodies(in: EngineHarness.main).isEmpty && $0.total == 1000 }
      }
      #expect(intake.exceptions == 0)
      context.isStopping = true
      intake.stop()
      #expect(await context.work.finish(within: .seconds(20)))
    }
  }
}
