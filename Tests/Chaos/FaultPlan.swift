import TestStage

enum FaultKind: String, CaseIterable {
  case killDispatcher = "kill dispatcher"
  case killServer = "kill queue server"
  case killReceiver = "kill receiver"
  case stopDispatcher = "stop dispatcher"
  case stopServer = "stop queue server"
  /// Longer than the dispatcher waits for an answer.
  case hangServer = "hang queue server"
  case stopReceiver = "stop receiver"
  case garbage = "answer garbage"
  case hang = "answer nothing"
  case hangUp = "close mid-answer"
  case fail = "answer 500"
  case fillDisk = "fill disk"
}

/// What a fault hits. One thing has one fault at a time; different ones overlap.
enum FaultTarget: Hashable {
  case dispatcher
  case server(Int)
  case receiver
  case answers
  case disk
}

/// A fault that is to come.
struct PlannedFault {
  let kind: FaultKind
  let server: Int
  /// Nil: all of them.
  let subscription: Int?
  /// After the beginning of the fault before, until more is published.
  let pause: Duration
  /// From then on, so that it hits in the midst of work.
  let lead: Duration
  let lasting: Duration
  /// From the moment that a queue server is frozen until it is dead, while the dispatcher runs on.
  let drift: Duration

  var target: FaultTarget {
    switch kind {
    case .killDispatcher, .stopDispatcher: .dispatcher
    case .killServer, .stopServer, .hangServer: .server(server)
    case .killReceiver, .stopReceiver: .receiver
    case .garbage, .hang, .hangUp, .fail: .answers
    case .fillDisk: .disk
    }
  }

  var behaviour: Behaviour? {
    switch kind {
    case .garbage: .garbage
    case .hang: .hangs
    case .hangUp: .hangsUp
    case .fail: .fails
    default: nil
    }
  }
}

enum FaultPlan {
  /// The faults of a seed: all kinds about equally often, in an order of its own.
  static func draw(_ count: Int, seed: UInt64, canFillDisk: Bool) -> [PlannedFault] {
    var generator = SeededGenerator(seed: seed)
    // One that takes eleven seconds is for long runs.
    let kinds = FaultKind.allCases.filter { $0 != .hangServer && ($0 != .fillDisk || canFillDisk) }
    var drawn: [FaultKind] = []
    while drawn.count < count { drawn += kinds.shuffled(using: &generator) }
    drawn = Array(drawn.prefix(count))
    for index in drawn.indices where index % 40 == 39 { drawn[index] = .hangServer }
    return drawn.map { fault($0, &generator) }
  }

  private static func fault(_ kind: FaultKind, _ generator: inout SeededGenerator) -> PlannedFault {
    let isShort = Bool.random(using: &generator)
    var milliseconds = Int.random(in: isShort ? 20...400 : 400...2_600, using: &generator)
    if kind == .hangServer { milliseconds = Int.random(in: 11_000...12_000, using: &generator) }
    let timeout = Int(ChaosStage.pushTimeout / .milliseconds(1))
    if kind == .stopReceiver, abs(milliseconds - timeout) < 300 { milliseconds = timeout - 300 }
    return PlannedFault(
      kind: kind, server: Int.random(in: 0...1, using: &generator),
      subscription: Bool.random(using: &generator) ? Int.random(in: 0..<Subscriptions.count, using: &generator) : nil,
      pause: .milliseconds(Int.random(in: 100...1_000, using: &generator)),
      lead: .milliseconds(Int.random(in: 20...300, using: &generator)), lasting: .milliseconds(milliseconds),
      drift: .milliseconds(Int.random(in: 0...30, using: &generator)))
  }
}
