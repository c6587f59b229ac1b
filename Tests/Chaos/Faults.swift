import Foundation
import MEDApp
import MEDTestSupport
import TestStage

/// Makes faults, ends them in time, and counts what was in hand when they hit.
final class Faults {
  struct Active {
    let fault: PlannedFault
    let until: ContinuousClock.Instant
  }

  /// A queue server that is dead.
  struct Outage {
    /// How often something has happened since its death, itself included, that may repeat what was in hand there.
    var events: Int
    /// What was in hand there; nil if it is asked when the server is back.
    let owned: OwnedJobs?
  }

  /// A queue server that is frozen for so long that the dispatcher gives up its connections.
  struct Hang {
    let since = ContinuousClock.now
    let owned: OwnedJobs
    /// The most that was in hand on the other one at any look.
    var most = OwnedJobs()
  }

  /// The dispatcher's patience with an answer is 10 s.
  static let patience = Duration.milliseconds(9_500)

  let stage: ChaosStage
  let witness: QueueWitness
  let events: EventLog
  let mode: ChaosMode
  private(set) var active: [FaultTarget: Active] = [:]
  private(set) var counts: [FaultKind: Int] = [:]
  var bound = DuplicateBound()
  var outages: [Int: Outage] = [:]
  var hang: Hang?

  init(_ stage: ChaosStage, _ mode: ChaosMode, _ events: EventLog) {
    self.stage = stage
    self.mode = mode
    self.events = events
    witness = QueueWitness(stage: stage.base)
  }

  func isUnder(_ kind: FaultKind, _ target: FaultTarget) -> Bool { active[target]?.fault.kind == kind }

  /// A server that is to hang for long does so to the end, unless it is the receiver or the disk that is hit.
  func mustWait(_ fault: PlannedFault) -> Bool {
    guard hang != nil else { return false }
    switch fault.target {
    case .dispatcher, .server: return true
    case .receiver, .answers, .disk: return false
    }
  }

  /// Whatever has hit the same before is over then.
  func begin(_ fault: PlannedFault) throws {
    try end(fault.target)
    guard let note = try make(fault) else { return }
    counts[fault.kind, default: 0] += 1
    active[fault.target] = Active(fault: fault, until: .now + fault.lasting)
    events.tell(
      "\(name(fault)), for \(String(format: "%.2f", fault.lasting / .seconds(1))) s\(note.isEmpty ? "" : ": " + note)")
  }

  /// Ends those whose time is over.
  func endDue() throws {
    for (target, fault) in active where fault.until <= .now { try end(target) }
  }

  func endAll() throws {
    for target in active.keys { try end(target) }
  }

  func end(_ target: FaultTarget) throws {
    guard let fault = active.removeValue(forKey: target)?.fault else { return }
    switch fault.kind {
    case .killDispatcher: try reviveDispatcher()
    case .stopDispatcher: stage.base.dispatcher?.send(SIGCONT)
    case .killServer: try reviveServer(fault.server)
    case .stopServer: stage.base.resumeServer(fault.server)
    case .hangServer: endHang(fault.server)
    case .killReceiver: try stage.startReceiver()
    case .stopReceiver: stage.receiver?.send(SIGCONT)
    case .garbage, .hang, .hangUp, .fail:
      for subscription in 0..<Subscriptions.count { stage.behaviour.set(.proper, towards: subscription) }
    case .fillDisk: try stage.disk?.empty()
    }
  }

  /// - Returns: more about it; nil if it wasn't made.
  private func make(_ fault: PlannedFault) throws -> String? {
    switch fault.kind {
    case .killDispatcher: return try killDispatcher()
    case .stopDispatcher: return try stopDispatcher()
    case .killServer: return try killServer(fault.server, drift: fault.drift)
    case .stopServer: stage.base.pauseServer(fault.server)
    case .hangServer: return try hangServer(fault.server)
    case .killReceiver: stage.receiver?.crash()
    case .stopReceiver: stage.receiver?.send(SIGSTOP)
    case .garbage, .hang, .hangUp, .fail:
      for subscription in 0..<Subscriptions.count where fault.subscription ?? subscription == subscription {
        stage.behaviour.set(fault.behaviour ?? .proper, towards: subscription)
      }
    case .fillDisk: try stage.disk?.fill()
    }
    return ""
  }

  private func name(_ fault: PlannedFault) -> String {
    switch fault.target {
    case .server(let server): "\(fault.kind.rawValue) \(server)"
    case .answers: fault.kind.rawValue + (fault.subscription.map { " at subscription \($0)" } ?? "")
    default: fault.kind.rawValue
    }
  }

  /// - Throws: if something has ended that nobody has killed.
  func expectAllAlive() throws {
    if !isUnder(.killDispatcher, .dispatcher), let dispatcher = stage.base.dispatcher, !dispatcher.isRunning {
      throw Unexpected(
        description: "the dispatcher ended by itself with \(dispatcher.exitStatus ?? -1): \(stage.base.lastWords)")
    }
    for (server, process) in stage.base.servers.enumerated()
    where !isUnder(.killServer, .server(server)) && !process.isRunning {
      throw Unexpected(description: "queue server \(server) ended by itself with \(process.exitStatus ?? -1)")
    }
    if !isUnder(.killReceiver, .receiver), stage.receiver?.isRunning == false {
      throw Unexpected(description: "the receiver ended by itself with \(stage.receiver?.exitStatus ?? -1)")
    }
  }
}
