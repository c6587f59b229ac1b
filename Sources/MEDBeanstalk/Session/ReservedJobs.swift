import Logging
import MEDCore
import MEDLoop

/// Jobs that stay reserved while they are ours: which connection holds each, and its touches. Confined to its loop.
///
/// Only the connection that has reserved a job can delete, touch or release it. When that connection breaks, or a touch
/// comes too late, the server makes the job ready again while we may still be at work on it. If it comes to one of our
/// connections then, that one holds it from there on, and nobody is told: it is pushed once. If it has gone to somebody
/// else it is theirs; what we have done is done, and so it is deleted unless it is reserved.
final class ReservedJobs {
  /// The server is asked for a job's time to run once it has been held for this long: most are over by then. With the
  /// pause between two rounds it is well below a second, the shortest time to run there is.
  private static let patience = Duration.milliseconds(250)
  private static let round = Duration.milliseconds(250)

  private struct Held {
    /// Nil once the server has it again.
    var holder: Connection?
    /// Nil until the server has told it.
    var timeToRun: Duration?
    /// When the server is asked for the time to run, or the job is touched.
    var due: ContinuousClock.Instant
    /// Its delete or release is under way.
    var isSettling = false
    /// It is given back: should it come again that is a new job.
    var isReleasing = false
  }

  private let endpoint: Endpoint
  private weak var server: BeanstalkServer?
  private var held: [JobID: Held] = [:]
  private var timer: LoopTimer?

  init(_ endpoint: Endpoint, server: BeanstalkServer) {
    self.endpoint = endpoint
    self.server = server
  }

  var count: Int { held.count }

  // MARK: Coming and going

  /// - Returns: whether it is new; if not, somebody of ours is at work on it already.
  func accept(_ job: Job, from connection: Connection) -> Bool {
    let due = endpoint.actor.loop.now + Self.patience
    connection.jobsHeld += 1
    let known = held.updateValue(Held(holder: connection, due: due), forKey: job.id)
    setTimer()
    known?.holder?.jobsHeld -= 1
    return known?.isReleasing ?? true
  }

  /// Of jobs that nobody has been told of.
  func forget(_ jobs: [Job]) {
    for job in jobs { drop(job.id) }
  }

  private func drop(_ id: JobID) { held.removeValue(forKey: id)?.holder?.jobsHeld -= 1 }

  private func lose(_ id: JobID) {
    held[id]?.holder?.jobsHeld -= 1
    held[id]?.holder = nil
  }

  private func holder(of id: JobID) -> Connection? {
    guard let holder = held[id]?.holder, holder.isOpen else { return nil }
    return holder
  }

  // MARK: Settling

  func delete(_ jobs: [Job]) async -> [SettleOutcome] {
    for job in jobs { held[job.id]?.isSettling = true }
    var asked = jobs.map { holder(of: $0.id) }
    var outcomes = await settle(.delete, jobs)
    var left = outcomes.indices.filter { outcomes[$0] != .done }
    // Some have come to another connection of ours meanwhile, and further ones may while that is asked.
    while true {
      let moved = left.filter { place in
        guard let holder = holder(of: jobs[place].id) else { return false }
        return holder !== asked[place]
      }
      if moved.isEmpty { break }
      for place in moved { asked[place] = holder(of: jobs[place].id) }
      for (place, outcome) in zip(moved, await settle(.delete, moved.map { jobs[$0] })) { outcomes[place] = outcome }
      left.removeAll { outcomes[$0] == .done }
    }
    // Nobody of ours has them, or whoever has was asked and hasn't any more.
    let lost = left.filter { holder(of: jobs[$0].id) == nil || outcomes[$0] == .notFound }
    if !lost.isEmpty {
      for (place, outcome) in zip(lost, await deleteLost(lost.map { jobs[$0] })) { outcomes[place] = outcome }
    }
    for (place, job) in jobs.enumerated() {
      // Come to one of ours just now: nobody else will be told of it, so it is for the next try.
      if outcomes[place] == .notFound, holder(of: job.id) != nil { outcomes[place] = .failed("taken again meanwhile") }
      if outcomes[place].hasFailed { held[job.id]?.isSettling = false } else { drop(job.id) }
    }
    return outcomes
  }

  /// Of jobs that the server has given back. They may have come to connections of ours just now.
  private func deleteLost(_ jobs: [Job]) async -> [SettleOutcome] {
    for job in jobs { lose(job.id) }
    guard let server else { return Array(repeating: .failed("the session has ended"), count: jobs.count) }
    var outcomes = await server.settle(.delete, jobs)
    let regained = jobs.indices.filter { outcomes[$0] == .notFound && holder(of: jobs[$0].id) != nil }
    if !regained.isEmpty {
      for (place, outcome) in zip(regained, await settle(.delete, regained.map { jobs[$0] })) {
        outcomes[place] = outcome
      }
    }
    return outcomes
  }

  func release(_ jobs: [Job]) async -> [SettleOutcome] {
    for job in jobs {
      held[job.id]?.isSettling = true
      held[job.id]?.isReleasing = true
    }
    let priorities = await priorities(of: jobs)
    let holders = jobs.map { holder(of: $0.id) }
    let outcomes = await settle(.release, jobs, priorities: priorities)
    var result: [SettleOutcome] = []
    for (index, job) in jobs.enumerated() {
      // Without its connection it is the server's already. Meanwhile it may have been taken anew, by a connection of ours.
      let isOver = !outcomes[index].hasFailed || holders[index]?.isOpen != true
      let isSame = held[job.id]?.isReleasing == true
      if isOver, isSame { drop(job.id) }
      if !isOver, isSame {
        held[job.id]?.isSettling = false
        held[job.id]?.isReleasing = false
      }
      result.append(isOver ? .done : outcomes[index])
    }
    return result
  }

  /// Those that the jobs have, so that they come back as they were.
  private func priorities(of jobs: [Job]) async -> [JobID: UInt32] {
    var priorities: [JobID: UInt32] = [:]
    for (connection, group) in groups(of: jobs) {
      let ids = group.map { jobs[$0].id }
      guard let answers = try? await connection.ask(ids.map { .statsJob($0.number) }) else { continue }
      for (id, answer) in zip(ids, answers) {
        guard case .ok = answer.reply else { continue }
        priorities[id] = JobStatistics(yaml: answer.body).priority
      }
    }
    return priorities
  }

  /// Each over the connection that holds it; the others have failed.
  private func settle(
    _ verb: SettleBatch.Verb, _ jobs: [Job], priorities: [JobID: UInt32] = [:]
  ) async -> [SettleOutcome] {
    let groups = groups(of: jobs)
    let lost = Array(repeating: SettleOutcome.failed("its connection is lost"), count: jobs.count)
    if groups.isEmpty { return lost }
    return await withUnsafeContinuation { continuation in
      var outcomes = lost
      var missing = groups.count
      for (connection, group) in groups {
        for index in group {
          let id = jobs[index].id
          connection.output.append(verb.command(id.number, priority: priorities[id] ?? Put.priority))
        }
        connection.expect(
          SettleBatch(verb, count: group.count) { answers in
            for (index, answer) in zip(group, answers) { outcomes[index] = answer }
            missing -= 1
            if missing == 0 { continuation.resume(returning: outcomes) }
          })
      }
      for (connection, _) in groups { connection.flush() }
    }
  }

  /// Places in `jobs` by the connection that holds them. There are few connections.
  private func groups(of jobs: [Job]) -> [(connection: Connection, places: [Int])] {
    var groups: [(connection: Connection, places: [Int])] = []
    for (index, job) in jobs.enumerated() {
      guard let holder = holder(of: job.id) else { continue }
      if let place = groups.firstIndex(where: { $0.connection === holder }) {
        groups[place].places.append(index)
      } else {
        groups.append((holder, [index]))
      }
    }
    return groups
  }

  // MARK: Touching

  private func setTimer() {
    guard timer == nil else { return }
    timer = endpoint.actor.loop.schedule(after: Self.round) { [weak self] in self?.touch() }
  }

  private func touch() {
    timer = nil
    let now = endpoint.actor.loop.now
    var due: [ObjectIdentifier: (connection: Connection, ids: [JobID])] = [:]
    for (id, job) in held where job.due <= now && !job.isSettling {
      guard let holder = job.holder, holder.isOpen else { continue }
      due[ObjectIdentifier(holder), default: (holder, [])].ids.append(id)
      // Until the answer says more.
      held[id]?.due = now + (job.timeToRun ?? .seconds(1)) / 3
    }
    for (connection, ids) in due.values {
      endpoint.actor.spawn { await self.touch(ids, on: connection) }
    }
    if !held.isEmpty { setTimer() }
  }

  private func touch(_ ids: [JobID], on connection: Connection) async {
    let unknown = ids.filter { held[$0]?.timeToRun == nil }
    let commands = ids.map { Command.touch($0.number) } + unknown.map { Command.statsJob($0.number) }
    // If the connection is lost so are they.
    guard let answers = try? await connection.ask(commands) else { return }
    let lost = zip(ids, answers).filter { id, answer in
      answer.reply == .notFound && held[id]?.holder === connection && held[id]?.isSettling == false
    }
    for (id, _) in lost { lose(id) }
    if !lost.isEmpty {
      endpoint.configuration.logger.warning(
        "reserved jobs were touched too late: they may be pushed twice",
        metadata: [LogKey.queueServer: "\(endpoint.address)", LogKey.count: "\(lost.count)"])
    }
    for (id, answer) in zip(unknown, answers.dropFirst(ids.count)) {
      guard case .ok = answer.reply, held[id]?.holder === connection else { continue }
      let timeToRun = Duration.seconds(max(1, JobStatistics(yaml: answer.body).timeToRun))
      held[id]?.timeToRun = timeToRun
      held[id]?.due = endpoint.actor.loop.now + timeToRun / 3
    }
  }
}

extension SettleOutcome {
  fileprivate var hasFailed: Bool { if case .failed = self { true } else { false } }
}
