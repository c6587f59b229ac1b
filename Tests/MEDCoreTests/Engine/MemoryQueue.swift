import MEDCore
import MEDLoop

/// Queue servers in memory, whose answers a test can choose. One process, one loop: what it holds can be looked at from
/// anywhere through `state`.
final class MemoryQueue: MessageQueue {
  enum Fault: Sendable, Equatable {
    case none, refused, tooBig, unanswered, unavailable
  }

  struct Stored: Sendable {
    var tube: TubeName
    var body: [UInt8]
    var isBuried = false
    var delay: UInt32 = 0
  }

  struct State: Sendable {
    /// By server, by job id.
    var jobs: [[UInt64: Stored]]
    var nextID: UInt64 = 1
    var isReachable: [Bool]
    /// Consulted for each put in order, then `.none`.
    var putFaults: [Fault] = []
    /// Answers to deletes of its jobs in order (nil: does it), then does it.
    var faultyTube = EngineHarness.channel1
    var deleteFaults: [String?] = []
    var kickFaults: [String?] = []
    var held: [TubeName: Int] = [:]
    var history: [String] = []
    var takes = 0
    /// Questions for all of a server, and for one tube.
    var serverLooks = 0
    var tubeLooks = 0
    /// How long the server takes for an answer to them.
    var lookDelay = Duration.zero
    /// The most jobs that one take from a channel asked for.
    var largestTake = 0
    /// Servers that answer no take as long as this holds.
    var hungTakes: Set<Int> = []
    /// Times that those were looked at again: the loop has made so many rounds meanwhile.
    var hungPolls = 0
    /// Takes from channels that are under way.
    var takesRunning = 0
    var mostTakesRunning = 0
    var hungPuts: Set<Int> = []
    /// Asked before each call, for tests that let any of them fail.
    var script: FaultScript?
    /// Told of each job before it is deleted.
    var willDelete: (@Sendable (State, UInt64, Stored) -> Void)?

    mutating func add(_ body: [UInt8], to tube: TubeName, server: Int = 0, delay: UInt32 = 0) -> UInt64 {
      defer { nextID += 1 }
      jobs[server][nextID] = Stored(tube: tube, body: body, delay: delay)
      return nextID
    }

    func bodies(in tube: TubeName) -> [[UInt8]] {
      jobs.flatMap { $0.sorted { $0.key < $1.key }.map(\.value) }.filter { $0.tube == tube }.map(\.body)
    }

    var buried: Int { jobs.reduce(0) { $0 + $1.values.count { $0.isBuried } } }
    var total: Int { jobs.reduce(0) { $0 + $1.count } }
  }

  let state: Locked<State>
  private let count: Int

  init(servers: Int = 1) {
    count = servers
    state = Locked(
      State(jobs: Array(repeating: [:], count: servers), isReachable: Array(repeating: true, count: servers)))
  }

  func open(on actor: isolated LoopActor) -> [any QueueServer] {
    (0..<count).map { MemoryServer(index: $0, state: state, loop: actor.loop) }
  }
}

final class MemoryServer: QueueServer {
  let address: QueueServerAddress
  let index: Int
  let state: Locked<MemoryQueue.State>
  let loop: EventLoop
  /// While it is closed nothing is answered.
  var gate: Gate?

  init(index: Int, state: Locked<MemoryQueue.State>, loop: EventLoop) {
    address = QueueServerAddress(host: "memory", port: UInt16(index + 1))
    self.index = index
    self.state = state
    self.loop = loop
  }

  var isReachable: Bool { state.withLock { $0.isReachable[index] && $0.script?.isDown(index) != true } }

  func listen(to tube: TubeName) -> any QueueListener { MemoryListener(server: self, tube: tube) }

  private func answer() async {
    if let gate { await gate.pass() } else { await Task.yield() }
  }

  func take(_ count: Int, from tube: TubeName) async -> TakeOutcome {
    await answer()
    let index = index
    let isChannel = tube != EngineHarness.main
    if isChannel {
      state.withLock { state in
        state.takesRunning += 1
        state.mostTakesRunning = max(state.mostTakesRunning, state.takesRunning)
      }
    }
    defer { if isChannel { state.withLock { $0.takesRunning -= 1 } } }
    while isChannel, state.withLock({ $0.hungTakes.contains(index) }) {
      try? await loop.sleep(for: .milliseconds(1))
      state.withLock { $0.hungPolls += 1 }
    }
    return state.withLock { state in
      guard state.isReachable[index], state.script?.fault(of: .take, at: index) == nil else {
        return TakeOutcome(failure: "unreachable")
      }
      state.takes += 1
      if tube != EngineHarness.main { state.largestTake = max(state.largestTake, count) }
      var outcome = TakeOutcome()
      let ready = state.jobs[index].filter { $0.value.tube == tube && !$0.value.isBuried && $0.value.delay == 0 }
      for id in ready.keys.sorted().prefix(count) {
        state.jobs[index][id]?.isBuried = true
        outcome.jobs.append(Job(id: JobID(instance: 0, number: id), tube: tube, body: ready[id]?.body ?? []))
      }
      outcome.ranDry = outcome.jobs.count < count
      return outcome
    }
  }

  func put(_ puts: [Put]) async -> [PutOutcome] {
    await answer()
    let index = index
    while state.withLock({ $0.hungPuts.contains(index) }) { try? await loop.sleep(for: .milliseconds(1)) }
    return state.withLock { state in
      puts.map { put in
        guard state.isReachable[index] else { return .unavailable }
        if let fault = state.script?.fault(of: .put, at: index) {
          if fault == .doneUnanswered { _ = state.add(put.body, to: put.tube, server: index, delay: put.delay) }
          return fault.putOutcome
        }
        switch state.putFaults.isEmpty ? .none : state.putFaults.removeFirst() {
        case .refused: return .refused("OUT_OF_MEMORY")
        case .tooBig: return .tooBig
        case .unavailable: return .unavailable
        case .unanswered:
          _ = state.add(put.body, to: put.tube, server: index, delay: put.delay)
          return .unanswered
        case .none:
          state.history.append("put \(put.tube)")
          return .stored(state.add(put.body, to: put.tube, server: index, delay: put.delay))
        }
      }
    }
  }

  func delete(_ jobs: [Job]) async -> [SettleOutcome] {
    await answer()
    let index = index
    return state.withLock { state in
      jobs.map { job in
        guard state.isReachable[index] else { return .failed("unreachable") }
        if job.tube == state.faultyTube, !state.deleteFaults.isEmpty, let fault = state.deleteFaults.removeFirst() {
          return .failed(fault)
        }
        let fault = state.script?.fault(of: .delete, at: index)
        if let fault, fault != .doneUnanswered { return .failed("\(fault)") }
        if let stored = state.jobs[index][job.id.number] { state.willDelete?(state, job.id.number, stored) }
        state.history.append("delete \(job.tube)")
        if fault != nil {
          state.jobs[index][job.id.number] = nil
          return .failed("no answer")
        }
        return state.jobs[index].removeValue(forKey: job.id.number) == nil ? .notFound : .done
      }
    }
  }

  func kick(_ jobs: [Job]) async -> [SettleOutcome] {
    await answer()
    let index = index
    return state.withLock { state in
      jobs.map { job in
        guard state.isReachable[index] else { return .failed("unreachable") }
        if !state.kickFaults.isEmpty, let fault = state.kickFaults.removeFirst() { return .failed(fault) }
        let fault = state.script?.fault(of: .kick, at: index)
        if let fault, fault != .doneUnanswered { return .failed("\(fault)") }
        guard state.jobs[index][job.id.number]?.isBuried == true else { return .notFound }
        state.jobs[index][job.id.number]?.isBuried = false
        if fault != nil { return .failed("no answer") }
        state.history.append("kick \(job.tube)")
        return .done
      }
    }
  }

  func hold(_ tube: TubeName) { state.withLock { $0.held[tube, default: 0] += 1 } }
  func release(_ tube: TubeName) { state.withLock { $0.held[tube, default: 0] -= 1 } }

  private func look() async {
    let delay = state.withLock { $0.lookDelay }
    if delay > .zero { try? await loop.sleep(for: delay) }
  }

  func statistics() async throws -> ServerStatistics {
    await look()
    let index = index
    return state.withLock { state in
      state.serverLooks += 1
      var result = ServerStatistics()
      result.ready = state.jobs[index].values.count { !$0.isBuried && $0.delay == 0 }
      result.delayed = state.jobs[index].values.count { $0.delay > 0 }
      result.buried = state.jobs[index].values.count { $0.isBuried }
      return result
    }
  }

  func statistics(of tube: TubeName) async throws -> TubeStatistics? {
    await look()
    let index = index
    return state.withLock { state in
      state.tubeLooks += 1
      var result = TubeStatistics()
      let jobs = state.jobs[index].values.filter { $0.tube == tube }
      result.ready = jobs.count { !$0.isBuried && $0.delay == 0 }
      result.delayed = jobs.count { $0.delay > 0 }
      result.buried = jobs.count { $0.isBuried }
      return jobs.isEmpty ? nil : result
    }
  }

  func tubes() async throws -> [String] {
    let index = index
    return state.withLock { Set($0.jobs[index].values.map(\.tube.description)).sorted() }
  }

  func timeUntilNextDelayed(in tube: TubeName) async throws -> Duration? {
    let index = index
    return state.withLock { state in
      state.jobs[index].values.filter { $0.tube == tube && $0.delay > 0 }.map(\.delay).min().map { .seconds(Int($0)) }
    }
  }

  func peek(_ id: JobID, in tube: TubeName) async throws -> [UInt8]? {
    let index = index
    return try state.withLock { state in
      if let fault = state.script?.fault(of: .peek, at: index) { throw fault }
      return state.jobs[index][id.number]?.body
    }
  }

  func close(within deadline: Duration) async {}
}

final class MemoryListener: QueueListener {
  private let server: MemoryServer
  private let tube: TubeName
  private var isStopped = false

  init(server: MemoryServer, tube: TubeName) {
    self.server = server
    self.tube = tube
  }

  func next() async -> [Job]? {
    while !isStopped {
      let outcome = await server.take(64, from: tube)
      if !outcome.jobs.isEmpty { return outcome.jobs }
      try? await server.loop.sleep(for: .milliseconds(1))
    }
    return nil
  }

  func stop() { isStopped = true }
}
