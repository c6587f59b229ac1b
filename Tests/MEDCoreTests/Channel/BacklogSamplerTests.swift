import Logging
import MEDLoop
import Testing

@testable import MEDCore

@Suite("§9 Sampling the queues", .timeLimit(.minutes(2)))
struct BacklogSamplerTests {
  private static let main = EngineHarness.main
  private static let channel1 = EngineHarness.channel1
  private static let retry1 = EngineHarness.retry1

  /// Runs a sampler for each server, and nothing else.
  private static func run(
    _ queue: MemoryQueue, subscriptions: Int = 2, dropping: Int? = nil,
    _ body: @escaping @Sendable (isolated LoopActor, EngineContext, [BacklogSampler]) async throws -> Void
  ) async throws {
    let loop = try EventLoop.start()
    defer { loop.stop() }
    try await LoopActor(loop: loop).run { actor in
      let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
      let store = FixedSubscriptions(
        (1...subscriptions).map {
          .make($0, "t", $0 == dropping ? ["DropMessageThreshold": "5", "DropMessageThresholdAction": "1"] : [:])
        })
      let context = EngineContext(
        configuration: DispatcherConfiguration(mainQueue: main), actor: actor, dataLog: MemoryDataLog(),
        directory: SubscriptionDirectory(store: store, rules: ChannelRules(), logger: logger), logger: logger)
      context.open(queue)
      await context.directory.refresh()
      let samplers = context.desks.map { BacklogSampler(context, $0, nil) }
      for sampler in samplers { actor.spawn { await sampler.run() } }
      try await body(actor, context, samplers)
      for sampler in samplers { sampler.stop() }
    }
  }

  @Test func `channels, retry channels and the main queue are sampled on all servers and summed up`() async throws {
    let queue = MemoryQueue(servers: 2)
    queue.state.withLock { state in
      for server in 0...1 {
        for number in 0..<(3 + server) { _ = state.add([UInt8(number)], to: Self.channel1, server: server) }
        _ = state.add([0], to: Self.main, server: server)
      }
      _ = state.add([0], to: Self.retry1, server: 1, delay: 9)
      _ = state.add([0], to: TubeName("somebody/else")!, server: 1)
    }
    try await Self.run(queue) { actor, context, samplers in
      let start = ContinuousClock.now
      try await actor.waitUntil("all is sampled") {
        context.backlog.backlog(of: 1).ready == 7 && context.backlog.backlog(of: 1, .retry).delayed == 1
          && context.backlog.ofMainQueue.ready == 2
      }
      #expect(context.backlog.backlog(of: 2).ready == 0)
      #expect(samplers[1].foreignTubes == 2, "the main queue is none of the channels: \(samplers[1].foreignTubes)")
      try await actor.waitUntil("samples are renewed") {
        context.backlog.backlog(of: 1).takenAt ?? start > start + .seconds(1)
      }
      queue.state.withLock { state in state.jobs[0] = [:] }
      try await actor.waitUntil("what is gone is empty") { context.backlog.backlog(of: 1).ready == 4 }
    }
  }

  @Test func `20,000 subscriptions without tubes cost one question a round, two with jobs in the main queue`()
    async throws
  {
    let queue = MemoryQueue()
    try await Self.run(queue, subscriptions: 20_000) { actor, context, _ in
      try await actor.waitUntil("two rounds") { queue.state.withLock { $0.serverLooks } >= 2 }
      #expect(queue.state.withLock { $0.tubeLooks } == 0)
      #expect(context.backlog.backlog(of: 12_345).takenAt != nil, "they are known to be empty")
      queue.state.withLock { _ = $0.add([0], to: Self.main) }
      let before = queue.state.withLock { $0.serverLooks }
      try await actor.waitUntil("two more rounds") { queue.state.withLock { $0.serverLooks } >= before + 2 }
      #expect(queue.state.withLock { $0.tubeLooks <= $0.serverLooks - before })
      #expect(context.backlog.queues.isEmpty)
    }
  }

  @Test func `a server that can't be reached keeps its samples, and they age`() async throws {
    let queue = MemoryQueue(servers: 2)
    queue.state.withLock { state in for server in 0...1 { _ = state.add([0], to: Self.channel1, server: server) } }
    try await Self.run(queue) { actor, context, _ in
      try await actor.waitUntil("both are sampled") { context.backlog.backlog(of: 1).ready == 2 }
      queue.state.withLock { $0.isReachable[1] = false }
      let key = Backlog.Queue(subscription: 1, kind: .channel)
      let old = context.backlog.sample(of: key, at: 1)
      let other = context.backlog.sample(of: key, at: 0)
      try await actor.waitUntil("the other one is sampled again") {
        context.backlog.sample(of: key, at: 0) != other
      }
      #expect(context.backlog.sample(of: key, at: 1) == old)
      #expect(context.backlog.backlog(of: 1).takenAt == old.takenAt)
    }
  }

  @Test func `a channel with a drop policy that gets a message is sampled before hundreds of others`() async throws {
    let queue = MemoryQueue()
    queue.state.withLock { state in
      for id in 1...500 { for _ in 0..<3 { _ = state.add([0], to: TubeName("t/sub-queue/\(id)")!) } }
      // Answers that take a while, so that a round does.
      state.lookDelay = .milliseconds(1)
    }
    try await Self.run(queue, subscriptions: 500, dropping: 500) { actor, context, samplers in
      context.backlog.onOldSample = { samplers[0].sampleSoon($0) }
      try await actor.waitUntil("a round is under way") { !context.backlog.queues.isEmpty }
      guard let channel = context.directory.channel(500) else { throw CancellationError() }
      _ = context.backlog.admits(channel)
      try await actor.waitUntil("it is sampled") {
        context.backlog.backlog(of: 500).takenAt.map { _ in true } ?? false
          && context.backlog.estimate(of: channel) >= 3
      }
      #expect(context.backlog.queues.count < 400, "\(context.backlog.queues.count)")
    }
  }

  @Test func `it rests nineteen times as long as it was served`() async throws {
    let queue = MemoryQueue()
    queue.state.withLock { state in
      for id in 1...50 { _ = state.add([0], to: TubeName("t/sub-queue/\(id)")!) }
      state.lookDelay = .milliseconds(3)
    }
    let start = ContinuousClock.now
    try await Self.run(queue, subscriptions: 50) { actor, context, _ in
      try await actor.waitUntil("some are sampled") { context.backlog.queues.count >= 10 }
      let looks = queue.state.withLock { $0.tubeLooks + $0.serverLooks }
      #expect(ContinuousClock.now - start >= .milliseconds(3) * 19 * (looks - 1))
    }
  }

  @Test func `a standstill of the server isn't made up for`() {
    #expect(BacklogSampler.rest(after: .milliseconds(3)) == .milliseconds(57))
    #expect(BacklogSampler.rest(after: .seconds(9)) == .seconds(5))
  }
}
