import MEDCore
import Testing

/// One run with five messages asks a certain number of things of queue servers, subscribers, store and log. Each of them
/// is let fail in each way; the process is killed and stopped at each. Whatever happens, every message is for every
/// subscription in a queue, delivered, or on the DATA log; nothing is deleted before; and a stop leaves nothing buried.
@Suite("§1 §2 §6 Whatever fails, no message is lost")
struct EngineFaultTests {
  /// Runs several worlds at a time: most of them only wait.
  private static func run<Case: Sendable>(
    _ cases: [Case], _ run: @escaping @Sendable (Case) async throws -> [String]
  ) async throws {
    try await withThrowingTaskGroup(of: (Case, [String]).self) { group in
      var left = cases[...]
      func next() {
        guard let first = left.popFirst() else { return }
        group.addTask { (first, try await run(first)) }
      }
      for _ in 0..<24 { next() }
      while let (tried, problems) = try await group.next() {
        #expect(problems.isEmpty, "\(tried)")
        next()
      }
    }
  }

  private static func undisturbed() async throws -> FaultScript {
    let world = FaultWorld(FaultScript(.none))
    #expect(try await world.run { $0.total == 0 }.isEmpty)
    return world.script
  }

  @Test func `an undisturbed run asks for everything that can fail`() async throws {
    let counts = try await Self.undisturbed().counts
    #expect(counts[.put] == 6)
    #expect(counts[.delete] == 11)
    #expect(counts[.commit] == 2)
    #expect(counts[.push] == 6)
    #expect(counts[.lookUp] == 2)
  }

  @Test func `a message that is given up has a row in the failure log, and no other has`() async throws {
    let world = FaultWorld(FaultScript(.none))
    #expect(try await world.run { $0.total == 0 }.isEmpty)
    #expect(world.failureLog.rows.map(\.isAlive) == [false])
    #expect(world.failureLog.rows.map(\.retryTimes) == [1])
  }

  @Test func `any one call fails in any way`() async throws {
    let counts = try await Self.undisturbed().counts
    var cases: [FaultScript.Plan] = []
    for call in [OutsideCall.put, .delete, .commit, .push, .lookUp] {
      for number in 0..<counts[call, default: 0] {
        for fault in CallFault.allCases { cases.append(.fail(call, number, fault)) }
      }
    }
    for number in 0..<12 { cases.append(.fail(.take, number, .unavailable)) }
    try await Self.run(cases) { plan in
      try await FaultWorld(FaultScript(plan)).run { $0.total == 0 }
    }
  }

  @Test func `the process is killed at any call, before or after it was done`() async throws {
    let total = try await Self.undisturbed().total
    var cases: [FaultScript.Plan] = []
    for place in 0..<total {
      cases.append(.kill(at: place, .unanswered))
      cases.append(.kill(at: place, .doneUnanswered))
    }
    try await Self.run(cases) { plan in
      try await FaultWorld(FaultScript(plan)).run { $0.total == 0 }
    }
  }

  @Test func `the dispatcher is stopped at any call`() async throws {
    let total = try await Self.undisturbed().total
    try await Self.run((0..<total).map { FaultScript.Plan.stop(at: $0) }) { plan in
      try await FaultWorld(FaultScript(plan)).run { $0.total == 0 }
    }
  }

  @Test func `one of two queue servers goes away at any call and comes back`() async throws {
    let total = try await Self.undisturbed().total
    var cases: [FaultScript.Plan] = []
    for place in 0..<total {
      for server in 0...1 { cases.append(.down(server: server, at: place, calls: 8)) }
    }
    try await Self.run(cases) { plan in
      try await FaultWorld(FaultScript(plan)).run { $0.total == 0 }
    }
  }

  @Test func `with a drop policy, any one call fails, and the process is killed or stopped at any call`() async throws {
    let world = FaultWorld(FaultScript(.none), drops: true)
    #expect(try await world.run { $0.total == 0 }.isEmpty)
    #expect(world.records.contains { $0.kind == .dropped }, "the policy has something to do")
    var cases: [FaultScript.Plan] = []
    for call in [OutsideCall.put, .delete, .commit] {
      for number in 0..<world.script.counts[call, default: 0] {
        for fault in CallFault.allCases { cases.append(.fail(call, number, fault)) }
      }
    }
    for place in 0..<world.script.total {
      cases += [.kill(at: place, .unanswered), .kill(at: place, .doneUnanswered), .stop(at: place)]
      for server in 0...1 { cases.append(.down(server: server, at: place, calls: 8)) }
    }
    try await Self.run(cases) { plan in
      try await FaultWorld(FaultScript(plan), drops: true).run { $0.total == 0 }
    }
  }

  @Test func `with log and store away messages wait, and any call of the stop fails in any way`() async throws {
    var cases: [FaultScript.Plan] = [.none]
    for number in 0..<3 {
      for fault in CallFault.allCases { cases.append(.fail(.kick, number, fault)) }
    }
    for number in 0..<20 { cases.append(.fail(.peek, number, .unavailable)) }
    try await Self.run(cases) { plan in
      let world = FaultWorld(FaultScript(plan, failing: [.commit, .lookUp]))
      // What is no message, what can't be looked up (one of them wanted by nobody), what was to be given up.
      let problems = try await world.run { $0.total == 4 && $0.buried == 4 }
      return world.queue.state.withLock { $0.total } == 4 ? problems : problems + ["a waiting message was deleted"]
    }
  }

  @Test func `with all kicks refused a stop records what stays buried`() async throws {
    let world = FaultWorld(FaultScript(.none, failing: [.commit, .lookUp, .kick, .peek]))
    let problems = try await world.run { $0.total == 4 && $0.buried == 4 }
    #expect(problems.isEmpty)
    #expect(world.records.filter { $0.kind == .kickFailed }.count == 4)
  }
}
