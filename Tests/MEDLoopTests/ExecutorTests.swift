import Testing

@testable import MEDLoop

@Suite("MEDLoop: executor", .timeLimit(.minutes(2)))
struct ExecutorTests {
  @Test func `an actor on a loop and the tasks it spawns run on the loop's thread`() async throws {
    try await withLoop { loop in
      let actor = LoopActor(loop: loop)
      let onLoop = await actor.run { actor in
        let before = actor.loop.isOnLoop
        final class Seen { var onLoop = false }
        let seen = Seen()
        await actor.spawn { seen.onLoop = actor.loop.isOnLoop }.value
        try? await actor.loop.sleep(for: .milliseconds(2))
        return [before, seen.onLoop, actor.loop.isOnLoop]
      }
      #expect(onLoop == [true, true, true])
      #expect(!loop.isOnLoop)
    }
  }

  @Test func `a spawned task stays on the loop's thread where the compiler takes its isolation away`() async throws {
    final class Seen {
      var onLoop: [Bool] = []

      func note(_ loop: EventLoop) async {
        onLoop.append(loop.isOnLoop)
        await withTaskCancellationHandler {
          onLoop.append(loop.isOnLoop)
          await withUnsafeContinuation { continuation in loop.submit { continuation.resume() } }
          onLoop.append(loop.isOnLoop)
        } onCancel: {
        }
        onLoop.append(loop.isOnLoop)
      }
    }
    try await withLoop { loop in
      let onLoop = await LoopActor(loop: loop).run { actor in
        let seen = Seen()
        // A capture list makes a closure lose it, too.
        await actor.spawn { [seen] in await seen.note(actor.loop) }.value
        return seen.onLoop
      }
      #expect(onLoop == [true, true, true, true])
    }
  }

  @Test func `a task that prefers the loop runs there, also after it was elsewhere`() async throws {
    actor Elsewhere { func visit() {} }
    try await withLoop { loop in
      let actor = LoopActor(loop: loop)
      let elsewhere = try EventLoop.start()
      defer { elsewhere.stop() }
      let other = LoopActor(loop: elsewhere)
      let seen = await Task(executorPreference: loop.taskExecutor) { @concurrent in
        var seen = [loop.isOnLoop]
        seen.append(await actor.run { $0.loop.isOnLoop })
        seen.append(await other.run { _ in loop.isOnLoop || !elsewhere.isOnLoop })
        await Task.yield()
        await Elsewhere().visit()
        seen.append(loop.isOnLoop)
        return seen
      }.value
      #expect(seen == [true, true, false, true])
    }
  }

  @Test func `a plain actor that a task with the preference calls keeps its state in order`() async throws {
    actor Counter {
      var count = 0
      var strangers = 0
      func add(on loop: EventLoop) async {
        let before = count
        if !loop.isOnLoop { strangers += 1 }
        count = before + 1
      }
    }
    try await withLoop { loop in
      let counter = Counter()
      let executor = loop.taskExecutor
      await withTaskGroup { group in
        for _ in 0..<100 {
          group.addTask(executorPreference: executor) { for _ in 0..<20 { await counter.add(on: loop) } }
        }
      }
      #expect(await counter.count == 2000)
      #expect(await counter.strangers == 0)
    }
  }

  @Test func `tasks hop between two loops and are always where they should be`() async throws {
    try await withLoop { first in
      try await withLoop { second in
        let actors = (LoopActor(loop: first), LoopActor(loop: second))
        let visits = Locked(0)
        let misplaced = Locked(0)
        await withTaskGroup { group in
          for _ in 0..<50 {
            group.addTask {
              for _ in 0..<100 {
                let isRight = await actors.0.run { actor in
                  let there = await actors.1.run { $0.loop.isOnLoop && !actor.loop.isOnLoop }
                  return there && actor.loop.isOnLoop
                }
                visits.withLock { $0 += 1 }
                if !isRight { misplaced.withLock { $0 += 1 } }
              }
            }
          }
        }
        #expect(visits.withLock { $0 } == 5000)
        #expect(misplaced.withLock { $0 } == 0)
      }
    }
  }

  @Test func `two actors of one loop call each other within a turn`() async throws {
    try await withLoop { loop in
      let (first, second) = (LoopActor(loop: loop), LoopActor(loop: loop))
      let turns = await first.run { first in
        let before = first.loop.turns
        let there = await second.run { $0.loop.turns }
        return [there - before, first.loop.turns - before]
      }
      #expect(turns == [0, 0])
    }
  }

  @Test func `handlers, timers and ends of turns can start tasks`() async throws {
    final class Ending: TurnEndHandler {
      let body: () -> Void
      init(_ body: @escaping () -> Void) { self.body = body }
      func turnEnded() { body() }
    }
    try await withLoop { loop in
      let actor = LoopActor(loop: loop)
      let (a, b) = try Descriptor.sockets()
      let seen = Locked<Set<String>>([])
      let start: @Sendable (String) -> Void = { name in
        actor.spawn {
          await Task.yield()
          if loop.isOnLoop { seen.withLock { _ = $0.insert(name) } }
        }
      }
      try await loop.call {
        start("job")
        loop.schedule(after: .zero) { start("timer") }
        loop.atEndOfTurn(Ending { start("end") })
        try loop.add(
          a.number, events: .readable,
          handler: CallingHandler { _, descriptor in
            loop.remove(descriptor)
            start("socket")
          })
      }
      b.write()
      try await eventually { seen.withLock { $0 } == ["job", "timer", "end", "socket"] }
    }
  }

  @Test func `state that isn't Sendable is shared by tasks of one actor without a race`() async throws {
    final class State { var count = 0 }
    try await withLoop { loop in
      let actor = LoopActor(loop: loop)
      let count = await actor.run { actor in
        let state = State()
        let tasks = (0..<100).map { _ in
          actor.spawn {
            for _ in 0..<10 {
              state.count += 1
              await Task.yield()
            }
          }
        }
        for task in tasks { await task.value }
        return state.count
      }
      #expect(count == 1000)
    }
  }

  @Test func `an error of what runs on the loop reaches the caller`() async throws {
    try await withLoop { loop in
      let actor = LoopActor(loop: loop)
      await #expect(throws: LoopError.self) {
        try await actor.run { _ in throw LoopError(call: "test", code: 1) }
      }
    }
  }

  @Test func `tasks of different priority run in the order in which they came`() async throws {
    try await withLoop { loop in
      let actor = LoopActor(loop: loop)
      let order = Locked<[Int]>([])
      let tasks = await actor.run { actor in
        (0..<20).map { number in
          Task(priority: number.isMultiple(of: 2) ? .low : .high) {
            _ = actor
            order.withLock { $0.append(number) }
          }
        }
      }
      for task in tasks { await task.value }
      #expect(order.withLock { $0 } == Array(0..<20))
    }
  }
}
