import Foundation
import MEDApp
import MEDLoop
import MEDTestSupport
import TestStage

/// The course of a run. Used by the main thread.
final class ChaosRun {
  private let options: ChaosOptions
  private let events: EventLog
  private let stage: ChaosStage
  private let ledger: PushLedger
  private let publisher: ChaosPublisher
  private let faults: Faults
  private let isInterrupted = MEDLoop.Locked(false)
  private var nextLook = ContinuousClock.now

  init(_ options: ChaosOptions, _ events: EventLog) throws {
    self.options = options
    self.events = events
    let interrupted = isInterrupted
    try SignalThread.start { if case .stop = $0 { interrupted.withLock { $0 = true } } }
    stage = try ChaosStage(options)
    ledger = try PushLedger(stage.record)
    publisher = ChaosPublisher(stage.base.addresses)
    faults = Faults(stage, options.mode, events)
  }

  /// - Throws: what kept it from coming to its end; the files are kept then.
  func run(keepsFiles: Bool) throws -> ChaosResult {
    var isKept = true
    defer {
      publisher.stop()
      stage.end()
      if isKept {
        stage.keepFiles()
        events.tell("the files are in \(stage.base.directory)")
      } else {
        stage.removeFiles()
      }
    }
    do {
      try makeFaults()
      try drain()
    } catch is Interrupted {
      isKept = keepsFiles
      throw Interrupted()
    }
    let status = stage.base.stopDispatcher()
    ledger.readOn()
    let accounts = try Accounts(stage, publisher, ledger)
    let result = ChaosResult(
      options: options, accounts: accounts, published: publisher.published, unanswered: publisher.unanswered,
      pushes: ledger.pushes, duplicates: ledger.duplicates, bound: faults.bound, counts: faults.counts,
      dispatcherStatus: status, elapsed: events.elapsed)
    isKept = keepsFiles || !result.isClean
    if !result.isClean { for line in accounts.details(of: result, ledger, publisher) { events.tell(line) } }
    return result
  }

  private func makeFaults() throws {
    if stage.disk == nil { events.tell("no disk is filled: that needs root") }
    let plan = FaultPlan.draw(options.faults, seed: options.seed, canFillDisk: stage.disk != nil)
    let burst = options.messages / (plan.count + 1)
    publisher.start()
    publisher.allow(burst)
    for fault in plan {
      try wait(until: .now + fault.pause)
      while faults.mustWait(fault) { try wait(until: .now + .milliseconds(20)) }
      publisher.allow(burst)
      try wait(until: .now + fault.lead)
      try faults.begin(fault)
    }
    publisher.allow(options.messages - burst * (plan.count + 1))
  }

  /// Until nothing is left to do.
  private func drain() throws {
    while !faults.active.isEmpty || !publisher.isDone { try wait(until: .now + .milliseconds(20)) }
    events.tell("all is published and nothing is wrong any more")
    var latest = (left: -1, pushes: -1, at: ContinuousClock.now)
    var isEmpty = false
    while true {
      let left = try faults.witness.allJobs().all
      if left == 0, isEmpty { return }
      isEmpty = left == 0
      if left != latest.left || ledger.pushes != latest.pushes { latest = (left, ledger.pushes, .now) }
      if ContinuousClock.now - latest.at > .seconds(45) {
        return events.tell("nothing moves any more, and \(left) jobs are left")
      }
      try wait(until: .now + .milliseconds(100))
    }
  }

  private func wait(until end: ContinuousClock.Instant) throws {
    repeat {
      if isInterrupted.withLock({ $0 }) { throw Interrupted() }
      try faults.endDue()
      try faults.expectAllAlive()
      if ContinuousClock.now >= nextLook {
        nextLook = .now + .milliseconds(50)
        faults.look()
        ledger.readOn()
        events.progress(ledger.delivered, of: options.messages * Subscriptions.count)
      }
      usleep(5_000)  // why: faults have their times
    } while ContinuousClock.now < end
  }
}

struct Interrupted: Error, CustomStringConvertible {
  let description = "broken off"
}
