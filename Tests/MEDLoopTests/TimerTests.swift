import Testing

@testable import MEDLoop

@Suite("MEDLoop: timers", .timeLimit(.minutes(2)))
struct TimerTests {
  @Test func `timers fire in the order of their deadlines, equal ones as they were set`() async throws {
    try await withLoop { loop in
      let order = Locked<[Int]>([])
      try await loop.call {
        let start = ContinuousClock.now + .milliseconds(5)
        for (number, milliseconds) in [(5, 2), (1, 0), (6, 2), (3, 1), (2, 0), (4, 1)] {
          loop.schedule(at: start + .milliseconds(milliseconds)) { order.withLock { $0.append(number) } }
        }
      }
      try await eventually { order.withLock { $0.count } == 6 }
      #expect(order.withLock { $0 } == [1, 2, 3, 4, 5, 6])
    }
  }

  @Test func `a timer is never early, and the loop doesn't spin towards it`() async throws {
    try await withLoop { loop in
      for microseconds in [0, 1, 300, 999, 1001, 5500] {
        let result = Locked<(early: Bool, turns: UInt64)?>(nil)
        try await loop.call {
          let deadline = ContinuousClock.now + .microseconds(microseconds)
          let turns = loop.turns
          loop.schedule(at: deadline) {
            let end = (ContinuousClock.now < deadline || loop.now < deadline, loop.turns - turns)
            result.withLock { $0 = end }
          }
        }
        // No calls from here meanwhile: they would make turns.
        try await eventually { result.withLock { $0 } != nil }
        let (early, turns) = try #require(result.withLock { $0 })
        #expect(!early)
        #expect(turns <= 4)
      }
    }
  }

  @Test func `a cancelled timer doesn't fire, and releases what it held`() async throws {
    try await withLoop { loop in
      let events = Locked<[String]>([])
      try await loop.call {
        let farewell = Farewell { events.withLock { $0.append("released") } }
        let timer = loop.schedule(after: .milliseconds(1)) {
          withExtendedLifetime(farewell) { events.withLock { $0.append("fired") } }
        }
        timer.cancel()
        loop.schedule(after: .milliseconds(5)) { events.withLock { $0.append("later") } }
      }
      try await eventually { events.withLock { $0.last } == "later" }
      #expect(events.withLock { $0 } == ["released", "later"])
    }
  }

  @Test func `a timer may cancel another that is due in the same turn, and itself`() async throws {
    final class Timers { var all: [LoopTimer] = [] }
    try await withLoop { loop in
      let fired = Locked<[Int]>([])
      try await loop.call {
        let deadline = ContinuousClock.now
        let timers = Timers()
        for number in 0..<2 {
          let timer = loop.schedule(at: deadline) {
            fired.withLock { $0.append(number) }
            for timer in timers.all { timer.cancel() }
          }
          timers.all.append(timer)
        }
      }
      _ = try await loop.idleTurns()
      #expect(fired.withLock { $0 } == [0])
    }
  }

  @Test func `what goes with a cancelled timer may cancel it again`() async throws {
    final class Owner {
      var timer: LoopTimer?
      deinit { timer?.cancel() }
    }
    try await withLoop { loop in
      let witness = try await loop.call {
        let owner = Owner()
        let timer = loop.schedule(after: .seconds(100)) { withExtendedLifetime(owner) {} }
        owner.timer = timer
        return (Witness(owner), Witness(timer))
      }
      #expect(witness.0.object != nil)
      try await loop.call { witness.1.object?.cancel() }
      #expect(witness.0.object == nil)
    }
  }

  @Test func `delays of any length can be set`() async throws {
    try await withLoop { loop in
      let fired = Locked<[String]>([])
      try await loop.call {
        let longest = Duration(secondsComponent: .max, attosecondsComponent: 0) * 18
        loop.schedule(after: longest) { fired.withLock { $0.append("longest") } }
        loop.schedule(after: .zero - longest) { fired.withLock { $0.append("past") } }
      }
      try await eventually { fired.withLock { $0 } == ["past"] }
      #expect(try await loop.idleTurns() <= 1)
    }
  }

  @Test func `100,000 timers, every third cancelled, all fire in order`() async throws {
    try await withLoop { loop in
      let fired = Locked<[Int]>([])
      try await loop.call {
        let start = ContinuousClock.now
        var timers: [LoopTimer] = []
        for number in 0..<100_000 {
          let place = number * 7919 % 100_000  // a permutation: 7919 is prime
          timers.append(loop.schedule(at: start + .microseconds(place)) { fired.withLock { $0.append(place) } })
        }
        for index in stride(from: 0, to: timers.count, by: 3) { timers[index].cancel() }
      }
      try await eventually { fired.withLock { $0.count } == 66_666 }
      let order = fired.withLock { $0 }
      #expect(order == order.sorted())
    }
  }
}

@Suite("MEDLoop: timer queue")
struct TimerQueueTests {
  private let start = ContinuousClock.now

  @Test func `cancelled timers are swept before they pile up`() {
    var queue = TimerQueue()
    var most = 0
    for number in 0..<100_000 {
      let timer = LoopTimer(.call {})
      queue.add(timer, at: start + .seconds(number))
      timer.cancel()
      most = max(most, queue.count)
    }
    #expect(most <= 1024)
  }

  @Test func `a sweep keeps the live timers, and is rare among many of them`() {
    var queue = TimerQueue()
    var live: [LoopTimer] = []
    var sweeps = 0
    for number in 0..<20_000 {
      let before = queue.count
      let timer = LoopTimer(.call {})
      queue.add(timer, at: start + .seconds(number % 100))
      if queue.count <= before { sweeps += 1 }
      if number.isMultiple(of: 2) { live.append(timer) } else { timer.cancel() }
    }
    #expect((1...20).contains(sweeps))
    var due: [LoopTimer] = []
    queue.takeDue(at: start + .seconds(100), into: &due)
    #expect(Set(due.map(ObjectIdentifier.init)) == Set(live.map(ObjectIdentifier.init)))
    #expect(queue.count == 0)
  }

  @Test func `a deadline that was cancelled isn't waited for`() {
    var queue = TimerQueue()
    let first = LoopTimer(.call {})
    queue.add(first, at: start + .seconds(1))
    queue.add(LoopTimer(.call {}), at: start + .seconds(2))
    #expect(queue.nextDeadline == start + .seconds(1))
    first.cancel()
    #expect(queue.nextDeadline == start + .seconds(2))
  }
}
