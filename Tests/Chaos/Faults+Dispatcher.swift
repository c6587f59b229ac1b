import Foundation
import MEDApp
import MEDTestSupport
import TestStage

extension Faults {
  func killDispatcher() throws -> String {
    try resumeServers()
    let owned = try whileDispatcherIsFrozen {
      let owned = try ownedJobs()
      stage.base.dispatcher?.crash()
      return owned
    }
    bound.add(owned)
    return owned.description
  }

  func reviveDispatcher() throws {
    if mode == .amender {
      // An operator runs it when all queue servers are there.
      try resumeServers()
      for server in outages.keys { try end(.server(server)) }
      for server in stage.base.addresses.indices { try witness.waitUntilUnwatched(server) }
      try stage.amend()
    }
    try stage.base.startDispatcher()
  }

  func stopDispatcher() throws -> String {
    try resumeServers()
    freezeDispatcher()
    let owned = try ownedJobs()
    bound.add(owned)
    return owned.description
  }

  /// What is in hand on the servers that are there; for those that are dead it is noted that it counts once more.
  func ownedJobs(except left: Int? = nil) throws -> OwnedJobs {
    var sum = OwnedJobs()
    for server in stage.base.addresses.indices where server != left {
      if outages[server] != nil {
        outages[server]?.events += 1
      } else {
        sum = sum + (try witness.settledJobs(server))
      }
    }
    return sum
  }

  /// At whatever it is: between two instructions of each thread.
  func freezeDispatcher() {
    guard let dispatcher = stage.base.dispatcher, dispatcher.isRunning else { return }
    dispatcher.send(SIGSTOP)
    waitUntilStopped(dispatcher)
  }

  /// For some milliseconds, so that what is asked is true of one moment. Nothing is lost by it: what it has sent arrives.
  func whileDispatcherIsFrozen<Result>(_ body: () throws -> Result) throws -> Result {
    guard active[.dispatcher] == nil else { return try body() }
    freezeDispatcher()
    defer { stage.base.dispatcher?.send(SIGCONT) }
    return try body()
  }

  /// SIGSTOP takes effect a little later, on each thread by itself.
  func waitUntilStopped(_ process: ChildProcess) {
    let tasks = "/proc/\(process.processID)/task"
    while process.isRunning {
      let threads = (try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? []
      let states = threads.map { thread in
        let stat = (try? String(contentsOfFile: "\(tasks)/\(thread)/stat", encoding: .utf8)) ?? ""
        return stat.split(separator: ")").last?.split(separator: " ").first ?? ""
      }
      if !states.isEmpty, states.allSatisfy({ $0 == "T" || $0.isEmpty }) { return }
      usleep(100)  // why: nothing tells of it but /proc
    }
  }
}
