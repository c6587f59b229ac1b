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
      try await EngineHarness().eventually("exceptions") { intake.exceptions >= Intake.maximumExceptions }
      for _ in 0..<500 {
        intake.wakeListeners()
        await Task.yield()
      }
      #expect(intake.exceptions == 512)
      #expect(queue.state.withLock { $0.buried } == 512)

      await store.letGo()
      try await EngineHarness().eventually("all are copied") {
        queue.state.withLock { $0.bodies(in: EngineHarness.main).isEmpty && $0.total == 1000 }
      }
      #expect(intake.exceptions == 0)
      context.isStopping = true
      intake.stop()
      #expect(await context.work.finish(within: .seconds(20)))
    }
  }

  @Test func `the leftover probe rests nineteen times as long as each answer took`() async throws {
    let queue = MemoryQueue()
    let time = Locked(ProbeTime())
    queue.state.withLock { state in
      for number in 1...50 {
        guard let tube = TubeName("t/sub-queue/\(number)") else { continue }
        _ = state.add([1], to: tube)
        _ = state.add([1], to: tube, delay: 100)
      }
      state.willLook = { what in time.withLock { $0.ask(what) } }
    }
    try await Self.run(queue, FixedSubscriptions(Self.subscriptions(50))) { actor, context in
      await context.directory.start()
      context.desks[0].turns.stop()
      let supervisor = LaneSupervisor(context)
      let probe = LeftoverProbe(
        context, context.desks[0], supervisor,
        timing: .init(now: { time.withLock { $0.now } }, sleep: { pause in time.withLock { $0.rest(pause) } }))
      try await probe.look()
      #expect(supervisor.awake == 50)
      supervisor.stop()
      supervisor.close()
    }
    let asked = time.withLock { $0 }
    #expect(asked.questions == 3 + 2 * 50, "the server, the main queue, the list, and two for each tube")
    #expect(asked.isRested, "each rest is over before the next question")
    #expect(asked.rested == asked.busy * 19)
  }

  @Test func `a probe lets others run while it looks through names that belong to nobody here`() async throws {
    let queue = MemoryQueue()
    queue.state.withLock { state in
      for number in 0..<2_560 {
        guard let tube = TubeName("others/\(number)") else { continue }
        _ = state.add([1], to: tube)
      }
    }
    try await Self.run(queue, FixedSubscriptions([])) { actor, context in
      await context.directory.start()
      let probe = LeftoverProbe(
        context, context.desks[0], LaneSupervisor(context), timing: .init(sleep: { _ in }))
      var isOver = false
      var turns = 0
      let other = actor.spawn {
        while !isOver {
          turns += 1
          await Task.yield()
        }
      }
      let looking = actor.spawn {
        try? await probe.look()
        isOver = true
      }
      await looking.value
      await other.value
      #expect(probe.foreignTubes == 2_560)
      #expect(turns >= 2_560 / LeftoverProbe.namesPerTurn)
    }
  }
}

/// Time that passes when a question is asked, a millisecond more with each, and when somebody rests.
private struct ProbeTime {
  var now = ContinuousClock.now
  var questions = 0
  var busy = Duration.zero
  var rested = Duration.zero
  var isRested = true

  mutating func ask(_ what: String) {
    if rested != busy * 19 { isRested = false }
    questions += 1
    now += .milliseconds(questions)
    busy += .milliseconds(questions)
  }

  mutating func rest(_ pause: Duration) {
    now += pause
    rested += pause
  }
}
