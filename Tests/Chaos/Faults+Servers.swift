import Foundation
import MEDApp
import MEDTestSupport
import TestStage

extension Faults {
  /// Freezes it at any moment, lets the dispatcher run on for a while, which finds no answers, and kills it: commands that
  /// it had not read are lost. What was in hand there is buried still when it is back, and is counted then; reserved jobs
  /// are ready again by then, so with these the dispatcher is frozen first, and they are counted before.
  func killServer(_ server: Int, drift: Duration) throws -> String? {
    try resumeServers()
    guard waitUntilKillable(server) else {
      events.tell("queue server \(server) isn't killed: it has three binlog files")
      return nil
    }
    let process = stage.base.servers[server]
    let freeze = {
      process.send(SIGSTOP)
      self.waitUntilStopped(process)
    }
    let isServed = !isUnder(.killDispatcher, .dispatcher)
    var owned: OwnedJobs?
    if mode.buries {
      freeze()
    } else {
      owned = try whileDispatcherIsFrozen {
        defer { freeze() }
        return try witness.settledJobs(server)
      }
    }
    usleep(UInt32(drift / .microseconds(1)))  // why: the time that the dispatcher runs on is part of the fault
    let others = try whileDispatcherIsFrozen {
      defer { process.crash() }
      return isServed ? try ownedJobs(except: server) : OwnedJobs()
    }
    bound.add(others)
    outages[server] = Outage(events: isServed ? 1 : 0, owned: owned)
    return "\((others + (owned ?? OwnedJobs())).description)\(mode.buries ? " on the other one" : "")"
  }

  func reviveServer(_ server: Int) throws {
    guard let outage = outages.removeValue(forKey: server) else { return }
    let owned = try whileDispatcherIsFrozen {
      try stage.base.startServer(server)
      try witness.waitUntilReady(server)
      return try outage.owned ?? witness.settledJobs(server)
    }
    bound.add(owned, times: outage.events)
    if mode.buries { events.tell("queue server \(server) is back: \(owned.description)") }
  }

  /// See `ChaosStage`.
  private func waitUntilKillable(_ server: Int) -> Bool {
    let deadline = ContinuousClock.now + .seconds(2)
    while !stage.mayKill(server) {
      guard ContinuousClock.now < deadline else { return false }
      usleep(5_000)  // why: a file that is removed tells nobody
    }
    return true
  }

  // MARK: Stopped ones

  /// What a frozen one has in hand can't be asked, so it goes on.
  func resumeServers() throws {
    for server in stage.base.addresses.indices
    where isUnder(.stopServer, .server(server)) || isUnder(.hangServer, .server(server)) {
      try end(.server(server))
    }
  }

  /// Until the dispatcher gives up its connections, which repeats what was put over them and not answered.
  func hangServer(_ server: Int) throws -> String {
    try resumeServers()
    for other in outages.keys { try end(.server(other)) }
    let process = stage.base.servers[server]
    let owned = try whileDispatcherIsFrozen {
      defer {
        process.send(SIGSTOP)
        waitUntilStopped(process)
      }
      return try witness.settledJobs(server)
    }
    hang = Hang(owned: owned)
    return owned.description
  }

  /// Looks at what is in hand while a server hangs.
  func look() {
    guard hang != nil, let other = stage.base.addresses.indices.first(where: { active[.server($0)] == nil }),
      let client = try? witness.client(other), let jobs = try? witness.jobs(client)
    else { return }
    if jobs.deliveries > hang?.most.deliveries ?? 0 { hang?.most = jobs }
  }

  func endHang(_ server: Int) {
    stage.base.resumeServer(server)
    guard let hang else { return }
    self.hang = nil
    guard ContinuousClock.now - hang.since >= Self.patience else { return }
    bound.add(hang.owned)
    bound.add(hang.most)
    events.tell("queue server \(server) goes on: \(hang.most.description) on the other one at most")
  }
}
