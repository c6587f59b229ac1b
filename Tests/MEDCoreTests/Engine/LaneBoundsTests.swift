import Testing

@testable import MEDCore

@Suite("§5 What lanes take at most, over queues in memory")
struct LaneBoundsTests {
  /// Jobs of the channel that are in hand when no push ends, however many become ready.
  private func jobsInHand(_ parameters: [String: String], expected: Int) async throws {
    let harness = EngineHarness(parameters: parameters)
    harness.pusher.state.withLock { $0.isHeld = true }
    harness.publish(Array(0..<40))
    try await harness.run {
      // Each round announces more.
      for round in 1...5 {
        try await harness.eventually("as many as it may have") {
          harness.queue.state.withLock { $0.bodies(in: EngineHarness.main).isEmpty && $0.buried >= expected }
        }
        let polls = harness.pusher.state.withLock { $0.heldPolls }
        try await harness.eventually("rounds of the loop") {
          harness.pusher.state.withLock { $0.heldPolls >= polls + 50 }
        }
        #expect(harness.queue.state.withLock { $0.buried } == expected, "round \(round)")
        harness.publish([UInt8(100 + round)])
      }
      harness.pusher.state.withLock { $0.isHeld = false }
      if parameters["IntervalOfSending"] == nil {
        try await harness.eventually("all are pushed") { harness.queue.state.withLock { $0.total == 0 } }
      }
    }
    #expect(harness.queue.state.withLock { $0.buried } == 0)
  }

  @Test(arguments: [1, 3, 10])
  func `a lane has twice as many jobs in hand as it may push at once`(concurrency: Int) async throws {
    try await jobsInHand(["Concurrency": "\(concurrency)"], expected: 2 * concurrency)
  }

  @Test func `a lane that is paced has one job in hand beside the pushes that run`() async throws {
    try await jobsInHand(["Concurrency": "5", "IntervalOfSending": "60000"], expected: 2)
  }

  @Test(arguments: [(256, false), (257, true)])
  func `intake pauses while more than 256 lanes wait for their turn, and takes run two at a time`(
    waiting: Int, isPaused: Bool
  ) async throws {
    #expect(TakeTurns.manyWaiting == 256)
    let takes = DispatcherConfiguration(mainQueue: EngineHarness.main).takesPerServer
    #expect(takes == 2)
    let lanes = waiting + takes
    let harness = EngineHarness(subscriptions: lanes)
    harness.queue.state.withLock { $0.hungTakes = [0] }
    harness.publish([1])
    func isDistributed(_ messages: Int) -> Bool {
      harness.queue.state.withLock { $0.total == messages * lanes && $0.bodies(in: EngineHarness.main).isEmpty }
    }
    try await harness.run {
      try await harness.eventually("in all channels") { isDistributed(1) }
      harness.publish([2])
      if isPaused {
        let polls = harness.queue.state.withLock { $0.hungPolls }
        try await harness.eventually("rounds of the loop") {
          harness.queue.state.withLock { $0.hungPolls >= polls + 100 }
        }
        #expect(harness.queue.state.withLock { $0.bodies(in: EngineHarness.main).count == 1 && $0.buried == 0 })
      } else {
        try await harness.eventually("in all channels too") { isDistributed(2) }
      }
      harness.queue.state.withLock { $0.hungTakes = [] }
      try await harness.eventually("all are pushed") { harness.queue.state.withLock { $0.total == 0 } }
    }
    #expect(harness.queue.state.withLock { $0.mostTakesRunning } == takes)
    #expect(harness.pusher.state.withLock { $0.urls.count } == 2 * lanes)
  }
}
