import MEDCore
import Testing

@Suite("§6 Settlement: what may be deleted when")
struct SettlementTests {
  static let events: [Settlement.Event] = [
    .homeFound, .stop, .deadline, .answer(.done), .answer(.notFound), .answer(.failed("x")),
  ]

  /// What an observer of all events and actions knows of a job.
  private struct Observed {
    var settlement: Settlement
    let homes: UInt32
    var homesFound: UInt32 = 0
    var wasStopped = false
    var asked: Settlement.Action?
    var records = 0
    var isOver = false
  }

  /// Walks through every sequence of events up to a length and calls `check` after each step.
  private static func walk(
    homes: UInt32, depth: Int, check: (Observed, Settlement.Event, Settlement.Action) -> Void
  ) {
    func step(_ observed: Observed, _ left: Int) {
      guard left > 0 else { return }
      for event in events {
        var next = observed
        let action = next.settlement.handle(event)
        if event == .homeFound, observed.settlement.phase == .owned { next.homesFound += 1 }
        if event == .stop { next.wasStopped = true }
        switch action {
        case .delete, .kick: next.asked = action
        case .recordAndAgain, .recordAndForget: next.records += 1
        default: break
        }
        check(next, event, action)
        step(next, left - 1)
      }
    }
    step(Observed(settlement: Settlement(homes: homes), homes: homes), depth)
  }

  @Test(arguments: [1, 2, 3] as [UInt32])
  func `a delete is allowed once, when every home is confirmed, and never before`(homes: UInt32) {
    var deletes = 0
    Self.walk(homes: homes, depth: 6) { observed, event, action in
      guard action == .delete else { return }
      deletes += 1
      #expect(event == .homeFound)
      #expect(observed.homesFound == homes)
    }
    #expect(deletes > 0)
  }

  @Test func `a job is deleted or kicked, never both`() {
    Self.walk(homes: 2, depth: 6) { observed, _, action in
      if action == .kick { #expect(observed.homesFound < 2) }
      if case .recordAndForget(let kind) = action {
        #expect(kind == (observed.homesFound == 2 ? .deleteFailed : .kickFailed))
      }
    }
  }

  @Test func `an end is reached only by the server's word or with a record`() {
    Self.walk(homes: 1, depth: 7) { observed, event, action in
      switch action {
      case .forget:
        let isServersWord = event == .answer(.done) || event == .answer(.notFound)
        #expect(isServersWord || observed.records == 1)
      case .recordAndForget:
        #expect(event == .deadline)
      default: break
      }
      #expect(observed.records <= 1)
    }
  }

  @Test func `a failed verb is tried again each time, with growing pauses, and recorded after the third`() {
    var settlement = Settlement()
    #expect(settlement.handle(.homeFound) == .delete)
    #expect(settlement.handle(.answer(.failed("1"))) == .again(after: .milliseconds(100)))
    #expect(settlement.handle(.answer(.failed("2"))) == .again(after: .milliseconds(400)))
    #expect(settlement.handle(.answer(.failed("3"))) == .recordAndAgain(.deleteFailed, after: .milliseconds(1600)))
    #expect(settlement.handle(.answer(.failed("4"))) == .again(after: .milliseconds(6400)))
    for _ in 0..<1000 { #expect(settlement.handle(.answer(.failed("n"))) == .again(after: .seconds(10))) }
    #expect(settlement.handle(.answer(.done)) == .forget)
  }

  @Test func `what has ended stays ended`() {
    for last in [Settlement.Event.answer(.done), .deadline] {
      var settlement = Settlement()
      _ = settlement.handle(.homeFound)
      _ = settlement.handle(last)
      for event in Self.events { #expect(settlement.handle(event) == .none) }
      #expect(settlement.phase == .over)
    }
  }
}
