import Glibc
import Testing

@testable import MEDLoop

@Suite("MEDLoop: turns", .timeLimit(.minutes(2)))
struct TurnTests {
  @Test func `what a job enqueues runs in the next turn, what was there before it in the same`() async throws {
    try await withLoop { loop in
      let turns = Locked<[String: UInt64]>([:])
      let note: @Sendable (String) -> Void = { name in turns.withLock { $0[name] = loop.turns } }
      try await loop.call {
        loop.submit {
          note("first")
          loop.submit { note("child") }
        }
        loop.submit { note("second") }
      }
      try await eventually { turns.withLock { $0.count } == 3 }
      let seen = turns.withLock { $0 }
      let first = try #require(seen["first"])
      #expect(seen == ["first": first, "second": first, "child": first + 1])
    }
  }

  @Test func `jobs that enqueue for ever starve neither sockets nor timers nor other threads`() async throws {
    try await withLoop { loop in
      let (a, b) = try Descriptor.sockets()
      let seen = Locked<Set<String>>([])
      loop.submit { Self.runForEver(on: loop) }
      try await loop.call {
        let handler = CallingHandler { _, _ in seen.withLock { _ = $0.insert("socket") } }
        try loop.add(a.number, events: .readable, handler: handler)
        loop.schedule(after: .milliseconds(1)) { seen.withLock { _ = $0.insert("timer") } }
      }
      b.write()
      try await eventually { seen.withLock { $0 } == ["socket", "timer"] }
    }
  }

  private static func runForEver(on loop: EventLoop) {
    if !loop.inbox.withLock({ $0.isStopping }) { loop.submit { runForEver(on: loop) } }
  }

  @Test func `a socket that is always ready starves neither jobs nor timers`() async throws {
    try await withLoop { loop in
      let (a, b) = try Descriptor.sockets()
      let events = Locked(0)
      let hasFired = Locked(false)
      try await loop.call {
        try loop.add(a.number, events: .writable, handler: CallingHandler { _, _ in events.withLock { $0 += 1 } })
        loop.schedule(after: .milliseconds(1)) { hasFired.withLock { $0 = true } }
      }
      try await eventually { hasFired.withLock { $0 } }
      try await eventually { events.withLock { $0 } > 100 }
      withExtendedLifetime(b) {}
    }
  }

  @Test func `a timer that is always due starves neither jobs nor other timers`() async throws {
    try await withLoop { loop in
      let hasFired = Locked(false)
      try await loop.call {
        Self.fireForEver(on: loop)
        loop.schedule(after: .milliseconds(1)) { hasFired.withLock { $0 = true } }
      }
      try await eventually { hasFired.withLock { $0 } }
    }
  }

  private static func fireForEver(on loop: EventLoop) {
    loop.schedule(at: loop.now - .seconds(1)) { fireForEver(on: loop) }
  }

  @Test func `the end of a turn comes after its jobs, and what it adds comes at the end of the next`() async throws {
    final class Ending: TurnEndHandler {
      let loop: EventLoop
      let events: Locked<[String]>
      var rounds = 2
      init(_ loop: EventLoop, _ events: Locked<[String]>) { (self.loop, self.events) = (loop, events) }

      func turnEnded() {
        let turn = loop.turns
        events.withLock { $0.append("end of \(turn)") }
        rounds -= 1
        if rounds > 0 { loop.atEndOfTurn(self) }
      }
    }
    try await withLoop { loop in
      let events = Locked<[String]>([])
      let turn = try await loop.call {
        let turn = loop.turns
        loop.submit {
          loop.atEndOfTurn(Ending(loop, events))
          events.withLock { $0.append("first of \(turn + 1)") }
        }
        loop.submit { events.withLock { $0.append("second of \(turn + 1)") } }
        return turn
      }
      try await eventually { events.withLock { $0.count } == 4 }
      let seen = events.withLock { $0 }
      #expect(seen == ["first of \(turn + 1)", "second of \(turn + 1)", "end of \(turn + 1)", "end of \(turn + 2)"])
    }
  }

  @Test func `a signal that interrupts the wait does no harm`() async throws {
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in }
    sigaction(SIGUSR2, &action, nil)
    try await withLoop { loop in
      let before = try await loop.call { loop.turns }
      for _ in 0..<100 { pthread_kill(loop.threadID.load(ordering: .relaxed), SIGUSR2) }
      try await eventually { try await loop.call { loop.turns } > before }
      #expect(try await loop.idleTurns() <= 1)
    }
  }

  @Test func `a write to a closed connection on a loop doesn't kill the process`() async throws {
    try await withLoop { loop in
      let (a, b) = try Descriptor.sockets()
      b.close()
      let code = try await loop.call {
        let result = write(a.number, [1], 1)
        return result < 0 ? errno : 0
      }
      #expect(code == EPIPE)
    }
  }

  @Test func `a burst of jobs leaves no storage behind`() async throws {
    try await withLoop { loop in
      try await loop.call { for _ in 0..<300_000 { loop.submit {} } }
      let kept = try await eventualCapacity(of: loop)
      #expect(kept < 200_000)
    }
  }

  private func eventualCapacity(of loop: EventLoop) async throws -> Int {
    for _ in 0..<4 { try await loop.call {} }
    return try await loop.call { loop.local.capacity + loop.inbox.withLock { $0.jobs.capacity } }
  }
}
