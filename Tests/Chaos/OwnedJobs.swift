import Foundation
import MEDApp
import MEDTestSupport
import TestStage

/// Jobs that a dispatcher has in hand: reserved or buried.
struct OwnedJobs {
  var ofMainQueue = 0
  var ofChannels = 0

  /// How many deliveries they can be repeated as: each of the main queue once for every subscription.
  var deliveries: Int { ofMainQueue * Subscriptions.count + ofChannels }

  static func + (a: OwnedJobs, b: OwnedJobs) -> OwnedJobs {
    OwnedJobs(ofMainQueue: a.ofMainQueue + b.ofMainQueue, ofChannels: a.ofChannels + b.ofChannels)
  }

  var description: String { "\(ofMainQueue) of the main queue and \(ofChannels) of channels in hand" }
}

/// Asks queue servers what is in hand, over connections and a protocol reader that share nothing with the dispatcher.
struct QueueWitness {
  let stage: Stage

  func client(_ server: Int) throws -> PlainBeanstalk { try PlainBeanstalk(port: stage.addresses[server].port) }

  /// What is in hand while the dispatcher is frozen or dead: asked until the commands that it had sent are done.
  func settledJobs(_ server: Int) throws -> OwnedJobs {
    let client = try client(server)
    var before: [String?] = []
    for _ in 0..<500 {
      let stats = try client.stats()
      let counters = Self.counters.map { stats[$0] }
      if counters == before { break }
      before = counters
      usleep(500)  // why: the server has other connections to serve
    }
    return try jobs(client)
  }

  /// The same at this moment, whoever is at work.
  func jobs(_ client: PlainBeanstalk) throws -> OwnedJobs {
    let all = try client.jobs()
    let main = try client.jobs(in: Stage.mainQueue)
    let ofMainQueue = main.reserved + main.buried
    return OwnedJobs(ofMainQueue: ofMainQueue, ofChannels: max(0, all.reserved + all.buried - ofMainQueue))
  }

  /// In whatever state.
  func allJobs() throws -> JobTotals {
    try stage.addresses.indices.reduce(JobTotals()) { sum, server in
      let jobs = try client(server).jobs()
      return JobTotals(
        ready: sum.ready + jobs.ready, reserved: sum.reserved + jobs.reserved, delayed: sum.delayed + jobs.delayed,
        buried: sum.buried + jobs.buried)
    }
  }

  func waitUntilReady(_ server: Int) throws {
    let deadline = MonotonicDeadline(in: .seconds(20))
    while true {
      if (try? client(server).stats()) != nil { return }
      guard !deadline.hasPassed else { throw Unexpected(description: "queue server \(server) doesn't come back") }
      usleep(1_000)  // why: nothing tells that it listens
    }
  }

  /// Waits until the connections of a dead dispatcher are closed there.
  func waitUntilUnwatched(_ server: Int) throws {
    let client = try client(server)
    let deadline = MonotonicDeadline(in: .seconds(20))
    while !deadline.hasPassed {
      let watched = try client.listTubes().filter { tube in
        let watchers = try client.stats(tube: tube)?["current-watching"] ?? "0"
        return tube != "default" && watchers != "0"
      }
      if watched.isEmpty { return }
      usleep(1_000)  // why: the server notices it by itself
    }
    throw Unexpected(description: "queue server \(server) keeps the connections of a dead dispatcher")
  }

  /// What only a dispatcher does: the publisher goes on putting.
  private static let counters =
    ["cmd-reserve", "cmd-reserve-with-timeout", "cmd-delete", "cmd-bury", "cmd-kick", "cmd-release", "cmd-touch"]
    + ["current-jobs-reserved", "current-jobs-buried"]
}

/// What may come twice, and why no more can.
///
/// A delivery is repeated when a job that was in hand is taken again, or when a copy or a retry was put without an answer
/// and so was put once more. Both need a job in hand at the moment when somebody is killed, or when a connection is given
/// up: then all that is in hand counts, once for each such moment. A dispatcher that is stopped may find its pushes past
/// their time when it goes on, though the answers are there. Nothing else may repeat anything.
struct DuplicateBound {
  private(set) var owned = OwnedJobs()

  mutating func add(_ jobs: OwnedJobs, times: Int = 1) {
    for _ in 0..<times { owned = owned + jobs }
  }

  var deliveries: Int { owned.deliveries }
}
