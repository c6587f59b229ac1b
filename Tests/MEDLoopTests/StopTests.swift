import Glibc
import Testing

@testable import MEDLoop

@Suite("MEDLoop: stop", .timeLimit(.minutes(2)))
struct StopTests {
  /// The loop must be gone from memory: its thread and all that it held has let go of it.
  private func expectGone(_ loop: Witness<EventLoop>) async throws {
    try await eventually("the loop stays in memory") { loop.object == nil }
  }

  @Test func `an idle loop ends and is released`() async throws {
    let witness = try await {
      let loop = try EventLoop.start()
      _ = try await loop.idleTurns()
      loop.stop()
      loop.stop()
      return Witness(loop)
    }()
    try await expectGone(witness)
  }

  @Test func `a loop that is stopped as it starts ends and is released`() async throws {
    for _ in 0..<50 {
      let witness = try {
        let loop = try EventLoop.start()
        loop.stop()
        return Witness(loop)
      }()
      try await expectGone(witness)
    }
  }

  @Test func `a loop can be stopped from itself`() async throws {
    let hasRun = Locked(false)
    let witness = try {
      let loop = try EventLoop.start()
      loop.submit {
        loop.stop()
        loop.submit { hasRun.withLock { $0 = true } }
      }
      return Witness(loop)
    }()
    try await expectGone(witness)
    #expect(hasRun.withLock { $0 })
  }

  @Test func `timers and descriptors are let go without a call, with what they hold`() async throws {
    let events = Locked<[String]>([])
    let (a, b) = try Descriptor.sockets()
    let witness = try await {
      let loop = try EventLoop.start()
      try await loop.call {
        // Both hold the loop, and use it as they go.
        let farewells = ["handler", "timer"].map { name in
          Farewell { loop.submit { events.withLock { $0.append(name) } } }
        }
        let handler = CallingHandler { _, _ in withExtendedLifetime((loop, farewells[0])) {} }
        try loop.add(a.number, events: .readable, handler: handler)
        loop.schedule(after: .seconds(3600)) { withExtendedLifetime((loop, farewells[1])) {} }
      }
      loop.stop()
      return Witness(loop)
    }()
    try await expectGone(witness)
    #expect(events.withLock { Set($0) } == ["handler", "timer"])
    b.write()
    #expect(fcntl(a.number, F_GETFD) >= 0)
  }

  @Test func `tasks that sleep are cancelled and end, also those that start over`() async throws {
    let loop = try EventLoop.start()
    let actor = LoopActor(loop: loop)
    let task = Task { try await actor.run { try await $0.loop.sleep(for: .seconds(3600)) } }
    let stubborn = Task {
      await actor.run { actor in
        while !Task.isCancelled { try? await actor.loop.sleep(for: .seconds(3600)) }
      }
    }
    try await eventually { try await loop.call { loop.timers.count } == 2 }
    loop.stop()
    await #expect(throws: CancellationError.self) { try await task.value }
    await stubborn.value
  }

  @Test func `work that is there, and that comes during the stop, is done`() async throws {
    let count = Locked(0)
    let witness = try {
      let loop = try EventLoop.start()
      onThreads(4) { thread in
        for number in 0..<5000 {
          loop.submit { count.withLock { $0 += 1 } }
          if thread == 0 && number == 2500 { loop.stop() }
        }
      }
      return Witness(loop)
    }()
    try await eventually { count.withLock { $0 } == 20_000 }
    try await expectGone(witness)
  }

  @Test func `work that comes after the end of the thread is done, one job at a time`() async throws {
    let loop = try EventLoop.start()
    let actor = LoopActor(loop: loop)
    loop.stop()
    try await eventually { loop.inbox.withLock { $0.hasEnded } }
    #expect(!loop.isOnLoop)
    for _ in 0..<20 {
      #expect(await actor.run { $0.loop.isOnLoop })
    }
    final class State { var count = 0 }
    let state = Locked(State())
    let counts = await withTaskGroup { group in
      for _ in 0..<100 {
        group.addTask {
          await actor.run { _ in
            state.withLock { $0.count += 1 }
            await Task.yield()
          }
        }
      }
      await group.waitForAll()
      return state.withLock { $0.count }
    }
    #expect(counts == 100)
    try await eventually { loop.inbox.withLock { $0.hasEnded } }
  }

  @Test func `a task that waits for another loop comes back to a stopped one`() async throws {
    try await withLoop { other in
      let loop = try EventLoop.start()
      let (first, second) = (LoopActor(loop: loop), LoopActor(loop: other))
      let isThere = Locked(false)
      let task = Task {
        await first.run { actor in
          await second.run { actor in
            isThere.withLock { $0 = true }
            try? await actor.loop.sleep(for: .seconds(3600))
          }
          return actor.loop.isOnLoop
        }
      }
      try await eventually { isThere.withLock { $0 } }
      loop.stop()
      try await eventually { loop.inbox.withLock { $0.hasEnded } }
      task.cancel()
      #expect(await task.value)
    }
  }

  @Test func `loops come and go without leaving descriptors behind`() async throws {
    let before = Self.epollSets()
    for _ in 0..<200 {
      let witness = try {
        let loop = try EventLoop.start()
        loop.stop()
        return Witness(loop)
      }()
      try await expectGone(witness)
    }
    // Other tests have some loops meanwhile, though not a hundred.
    try await eventually { Self.epollSets() < before + 100 }
  }

  private static func epollSets() -> Int {
    var buffer = [CChar](repeating: 0, count: 64)
    return (0..<20_000).count { number in
      let length = readlink("/proc/self/fd/\(number)", &buffer, buffer.count)
      return length > 0 && String(decoding: buffer[..<length].map(UInt8.init), as: UTF8.self).contains("eventpoll")
    }
  }
}
