import Glibc
import Testing

@testable import MEDLoop

@Suite("MEDLoop: work from other threads", .timeLimit(.minutes(5)))
struct SubmitTests {
  @Test func `of 8 threads' 50,000 jobs each runs once, in its thread's order`() async throws {
    try await withLoop { loop in
      let next = Locked([Int](repeating: 0, count: 8))
      let misplaced = Locked(0)
      onThreads(8) { thread in
        for number in 0..<50_000 {
          loop.submit {
            let isNext = next.withLock { next in
              defer { next[thread] = number + 1 }
              return next[thread] == number
            }
            if !isNext || !loop.isOnLoop { misplaced.withLock { $0 += 1 } }
          }
        }
      }
      try await eventually { next.withLock { $0 } == [Int](repeating: 50_000, count: 8) }
      #expect(misplaced.withLock { $0 } == 0)
    }
  }

  @Test func `no wake-up is lost when a job comes just as the loop goes to sleep`() async throws {
    try await withLoop { loop in
      let rounds = Locked(0)
      onThreads(2) { thread in
        let done = Signal()
        for round in 0..<10_000 {
          loop.submit {
            rounds.withLock { $0 += 1 }
            done.send()
          }
          done.wait()
          // So that the next comes at every distance from the end of the turn.
          for _ in 0..<(round % 64) { _ = ContinuousClock.now }
        }
      }
      #expect(rounds.withLock { $0 } == 20_000)
    }
  }

  @Test func `jobs that come while the loop is awake don't wake it`() async throws {
    try await withLoop { loop in
      let (a, b) = try Descriptor.sockets()
      let calls = Locked<[Bool]>([])
      try await loop.call {
        try loop.add(
          a.number, events: .readable,
          handler: CallingHandler { _, descriptor in
            loop.remove(descriptor)
            let isSleeping = loop.inbox.withLock { $0.isSleeping }
            calls.withLock { $0.append(isSleeping) }
          })
      }
      _ = try await loop.idleTurns()
      b.write()
      try await eventually { calls.withLock { $0 } == [false] }
    }
  }

  @Test func `a job's captures may submit as they go`() async throws {
    try await withLoop { loop in
      let hasRun = Locked(false)
      try await loop.call {
        let farewell = Locked<Farewell?>(Farewell { loop.submit { hasRun.withLock { $0 = true } } })
        loop.submit { withExtendedLifetime(farewell) {} }
      }
      try await eventually { hasRun.withLock { $0 } }
    }
  }
}

@Suite("MEDLoop: locked values", .timeLimit(.minutes(2)))
struct LockedTests {
  @Test func `no change is lost between threads`() {
    let counter = Locked(0)
    onThreads(8) { _ in for _ in 0..<20_000 { counter.withLock { $0 += 1 } } }
    #expect(counter.withLock { $0 } == 160_000)
  }

  @Test func `an error leaves the value unlocked, with what was changed`() {
    let value = Locked(1)
    #expect(throws: CancellationError.self) {
      try value.withLock { value throws(CancellationError) in
        value = 2
        throw CancellationError()
      }
    }
    #expect(value.withLock { $0 } == 2)
  }

  @Test func `a value that isn't Sendable can be put in and taken out`() {
    final class Plain { var number = 1 }
    let value = Locked<Plain?>(Plain())
    let taken = value.withLock { value in
      let taken = value
      value = nil
      return taken
    }
    #expect(taken?.number == 1)
    #expect(value.withLock { $0 == nil })
  }
}
