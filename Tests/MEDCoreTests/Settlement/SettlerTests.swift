import Logging
import MEDLoop
import Testing

@testable import MEDCore

@Suite("§6 Deletes and kicks until they are done, or recorded")
struct SettlerTests {
  private static let tube = EngineHarness.channel1

  /// Runs `body` with a settler of a server that holds three buried jobs.
  private static func run(
    _ prepare: (inout MemoryQueue.State) -> Void = { _ in },
    _ body: @escaping @Sendable (isolated LoopActor, Settler, MemoryServer, [Job]) async -> Void
  ) async throws -> (queue: MemoryQueue, log: MemoryDataLog) {
    let queue = MemoryQueue()
    let log = MemoryDataLog()
    queue.state.withLock { state in
      for number in 1...3 { _ = state.add([UInt8(number)], to: tube) }
      prepare(&state)
    }
    let loop = try EventLoop.start()
    defer { loop.stop() }
    await LoopActor(loop: loop).run { actor in
      let server = MemoryServer(index: 0, state: queue.state, loop: actor.loop)
      let settler = Settler(
        server: server, dataLog: log, actor: actor, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
      let jobs = await server.take(3, from: tube).jobs
      await body(actor, settler, server, jobs)
    }
    return (queue, log)
  }

  private static func finish(_ job: Job, _ settler: Settler) {
    var entry = Settler.Entry(job: job, settlement: Settlement(), topic: "t", subscription: 1)
    settler.homeFound(&entry)
  }

  private static func giveBack(_ job: Job, _ settler: Settler) {
    var entry = Settler.Entry(job: job, settlement: Settlement(), topic: "t", subscription: 1)
    settler.giveBack(&entry)
  }

  @Test func `a settler is full at its bound, and takes more when jobs are settled`() async throws {
    _ = try await Self.run { _, settler, _, jobs in
      #expect(!settler.isFull)
      for _ in 1..<Settler.bound { Self.finish(jobs[0], settler) }
      #expect(!settler.isFull)
      Self.finish(jobs[0], settler)
      #expect(settler.isFull)
      await settler.drain(within: .seconds(10))
      #expect(!settler.isFull)
    }
  }

  @Test func `what is handed over is done when it is drained`() async throws {
    let (queue, log) = try await Self.run { _, settler, _, jobs in
      Self.finish(jobs[0], settler)
      Self.giveBack(jobs[1], settler)
      #expect(settler.pending == 2)
      await settler.drain(within: .seconds(10))
      #expect(settler.pending == 0 && settler.deleted == 1 && settler.kicked == 1)
    }
    let state = queue.state.withLock { $0 }
    #expect(state.total == 2 && state.buried == 1)
    #expect(log.records.isEmpty)
  }

  @Test func `a server that refuses gets one record for each job at the deadline, a kick with its bytes`() async throws
  {
    let (_, log) = try await Self.run { state in
      state.script = FaultScript(.none, failing: [.delete, .kick])
    } _: { _, settler, _, jobs in
      Self.finish(jobs[0], settler)
      Self.giveBack(jobs[1], settler)
      await settler.drain(within: .milliseconds(20))
      #expect(settler.pending == 0)
      // What comes later is tried once and recorded.
      Self.finish(jobs[2], settler)
      await settler.drain(within: .seconds(10))
      #expect(settler.pending == 0)
    }
    #expect(log.records.map(\.kind) == [.deleteFailed, .kickFailed, .deleteFailed])
    #expect(log.records.map(\.payload) == [nil, [2], nil])
  }

  @Test func `a server that never answers holds up a drain no longer than its deadline`() async throws {
    let hang = Gate()
    let (_, log) = try await Self.run { _, settler, server, jobs in
      server.gate = hang
      Self.finish(jobs[0], settler)
      Self.giveBack(jobs[1], settler)
      await settler.drain(within: .milliseconds(20))
      #expect(settler.pending == 0)
      hang.open()
      await settler.drain(within: .seconds(10))
      #expect(settler.pending == 0)
    }
    #expect(log.records.map(\.kind).contains(.deleteFailed))
    #expect(log.records.map(\.kind).contains(.kickFailed))
  }

  @Test func `nothing to settle means nothing to wait for`() async throws {
    _ = try await Self.run { _, settler, _, _ in await settler.drain(within: .seconds(1000)) }
  }
}
