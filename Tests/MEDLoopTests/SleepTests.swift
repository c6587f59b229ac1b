import Testing

@testable import MEDLoop

@Suite("MEDLoop: sleep", .timeLimit(.minutes(2)))
struct SleepTests {
  @Test func `a sleep lasts as long as it should, and gives the loop free`() async throws {
    try await withLoop { loop in
      let actor = LoopActor(loop: loop)
      let duration = Duration.milliseconds(20)
      let hasBegun = Locked(false)
      let sleep = Task {
        try await actor.run { actor in
          let start = ContinuousClock.now
          hasBegun.withLock { $0 = true }
          try await actor.loop.sleep(for: duration)
          return (ContinuousClock.now - start, actor.loop.isOnLoop)
        }
      }
      try await eventually { hasBegun.withLock { $0 } }
      try await loop.call {}  // would wait for a loop that is blocked
      let (elapsed, isOnLoop) = try await sleep.value
      #expect(elapsed >= duration)
      #expect(isOnLoop)
    }
  }

  @Test func `a cancelled task doesn't begin to sleep`() async throws {
    try await withLoop { loop in
      let actor = LoopActor(loop: loop)
      let count = try await loop.call { loop.timers.count }
      let error = await actor.run { actor in
        let task = actor.spawn {
          withUnsafeCurrentTask { $0?.cancel() }
          await #expect(throws: CancellationError.self) { try await actor.loop.sleep(for: .seconds(3600)) }
        }
        await task.value
        return actor.loop.timers.count
      }
      #expect(error == count)
    }
  }

  @Test func `a sleeping task that is cancelled wakes with an error, and its timer is gone`() async throws {
    try await withLoop { loop in
      let actor = LoopActor(loop: loop)
      let task = Task { try await actor.run { try await $0.loop.sleep(for: .seconds(3600)) } }
      try await eventually { try await loop.hasTimers() }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      let hasTimers = try await loop.hasTimers()
      #expect(!hasTimers)
    }
  }

  @Test func `a cancellation after the end does no harm`() async throws {
    try await withLoop { loop in
      let actor = LoopActor(loop: loop)
      for _ in 0..<100 {
        let task = Task { try await actor.run { try await $0.loop.sleep(for: .zero) } }
        try await task.value
        task.cancel()
      }
      try await loop.call {}
      #expect(try await loop.idleTurns() <= 1)
    }
  }

  @Test func `sleeps that are cancelled as they end, end once each`() async throws {
    try await withLoop { loop in
      let actor = LoopActor(loop: loop)
      let tasks = (0..<2000).map { number in
        Task { try await actor.run { try await $0.loop.sleep(for: .microseconds(number % 7 * 300)) } }
      }
      var ends = 0
      for (number, task) in tasks.enumerated() {
        if number.isMultiple(of: 2) { task.cancel() }
        _ = await task.result
        ends += 1
      }
      #expect(ends == tasks.count)
      let hasTimers = try await loop.hasTimers()
      #expect(!hasTimers)
    }
  }

  @Test func `code without isolation can sleep on a loop that its task prefers`() async throws {
    try await withLoop { loop in
      let task = Task(executorPreference: loop.taskExecutor) { @concurrent in
        try await loop.sleep(for: .milliseconds(2))
        return loop.isOnLoop
      }
      #expect(try await task.value)
      let cancelled = Task(executorPreference: loop.taskExecutor) { @concurrent in
        try await loop.sleep(for: .seconds(3600))
      }
      try await eventually { try await loop.hasTimers() }
      cancelled.cancel()
      await #expect(throws: CancellationError.self) { try await cancelled.value }
    }
  }
}
