import Logging
import MEDLoop
import Testing

import enum MEDTestSupport.Patience

@testable import MEDCore

@Suite("§6 Messages that must wait")
struct ParkingLotTests {
  private static func run(
    _ script: FaultScript = FaultScript(.none),
    _ body: @escaping @Sendable (isolated LoopActor, EngineContext, [Job]) async -> Void
  ) async throws -> (queue: MemoryQueue, log: MemoryDataLog) {
    let queue = MemoryQueue()
    let log = MemoryDataLog()
    queue.state.withLock { state in
      for number: UInt8 in 1...3 { _ = state.add(EngineHarness.message(number), to: EngineHarness.channel1) }
      state.script = script
    }
    let loop = try EventLoop.start()
    defer { loop.stop() }
    await LoopActor(loop: loop).run { actor in
      var configuration = DispatcherConfiguration(mainQueue: EngineHarness.main)
      configuration.parkingPauses = .milliseconds(1)...(.milliseconds(2))
      let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
      let context = EngineContext(
        configuration: configuration, actor: actor, dataLog: log,
        directory: SubscriptionDirectory(store: FixedSubscriptions([]), rules: ChannelRules(), logger: logger),
        logger: logger)
      context.open(queue)
      let jobs = await context.desks[0].queue.take(3, from: EngineHarness.channel1).jobs
      await body(actor, context, jobs)
    }
    return (queue, log)
  }

  private static func wait(_ actor: LoopActor, until condition: () -> Bool) async {
    let deadline = ContinuousClock.now + .seconds(20) * Patience.factor
    while !condition() {
      if ContinuousClock.now > deadline {
        Issue.record("not in time")
        return
      }
      try? await actor.loop.sleep(for: .milliseconds(1))
    }
  }

  @Test func `a lot is full at its bound`() async throws {
    _ = try await Self.run { _, context, jobs in
      let lot = ParkingLot<Int>(context) { _, _, _ in }
      for _ in 1..<ParkingLot<Int>.bound { lot.park(jobs[0], context.desks[0], 0) }
      #expect(!lot.isFull)
      lot.park(jobs[0], context.desks[0], 0)
      #expect(lot.isFull)
      context.isStopping = true
    }
  }

  @Test func `a parked message goes on at its step, again and again until that is done`() async throws {
    _ = try await Self.run { actor, context, jobs in
      var steps: [Int] = []
      var lot: ParkingLot<Int>?
      lot = ParkingLot(context) { job, desk, step in
        steps.append(step)
        if steps.count < 5 { lot?.park(job, desk, step + 1) }
      }
      lot?.park(jobs[0], context.desks[0], 7)
      await Self.wait(actor) { steps.count == 5 && lot?.count == 0 }
      #expect(steps == [7, 8, 9, 10, 11])
      lot = nil
    }
  }

  @Test func `a message that is being done again still counts`() async throws {
    _ = try await Self.run { actor, context, jobs in
      let gate = Gate()
      var isInside = false
      let lot = ParkingLot<Int>(context) { _, _, _ in
        isInside = true
        await gate.pass()
      }
      lot.park(jobs[0], context.desks[0], 0)
      await Self.wait(actor) { isInside }
      #expect(lot.count == 1 && context.work.count == 1)
      gate.open()
      await Self.wait(actor) { lot.count == 0 }
      #expect(context.work.count == 0)
    }
  }

  @Test func `a job that others have deleted or replaced is forgotten`() async throws {
    _ = try await Self.run { actor, context, jobs in
      var resumed = 0
      let lot = ParkingLot<Int>(context) { _, _, _ in resumed += 1 }
      let desk = context.desks[0]
      lot.park(Job(id: JobID(instance: 0, number: 99), tube: jobs[0].tube, body: jobs[0].body), desk, 0)
      lot.park(Job(id: jobs[1].id, tube: jobs[1].tube, body: [1]), desk, 0)
      lot.park(jobs[2], desk, 0)
      await Self.wait(actor) { lot.count == 0 }
      #expect(resumed == 1)
    }
  }

  @Test func `what is given back is kicked, also if it can't be looked at`() async throws {
    let (queue, log) = try await Self.run(FaultScript(.none, failing: [.peek])) { actor, context, jobs in
      let lot = ParkingLot<Int>(context) { _, _, _ in }
      for job in jobs { lot.park(job, context.desks[0], 0) }
      lot.giveBackAll()
      #expect(await context.work.finish(within: .seconds(10)))
      await context.desks[0].settler.drain(within: .seconds(10))
      #expect(lot.count == 0)
    }
    #expect(queue.state.withLock { $0.buried } == 0)
    #expect(log.records.isEmpty)
  }

  @Test func `what is parked after all was given back goes back too`() async throws {
    let (queue, _) = try await Self.run { actor, context, jobs in
      let lot = ParkingLot<Int>(context) { _, _, _ in }
      lot.giveBackAll()
      lot.park(jobs[0], context.desks[0], 0)
      #expect(await context.work.finish(within: .seconds(10)))
      await context.desks[0].settler.drain(within: .seconds(10))
    }
    #expect(queue.state.withLock { $0.buried } == 2)
  }
}
