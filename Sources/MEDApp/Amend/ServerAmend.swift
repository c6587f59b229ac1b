import MEDBeanstalk
import MEDCore
import MEDLoop

/// All tubes of one queue server, some of them side by side over one connection: what is asked of several tubes together
/// leaves together, and the server, which does one thing at a time, is never asked for more than a few batches ahead.
struct ServerAmend: Sendable {
  /// What was begun may be finished so long after a stop.
  private static let grace = Duration.seconds(1)

  private let address: QueueServerAddress
  private let request: AmendRequest
  private let known: KnownServers
  private let progress: AmendProgress

  init(_ address: QueueServerAddress, _ request: AmendRequest, _ known: KnownServers, _ progress: AmendProgress) {
    self.address = address
    self.request = request
    self.known = known
    self.progress = progress
  }

  func run(on loop: EventLoop) async -> AmendReport.Server {
    var configuration = BeanstalkConfiguration.forTools
    configuration.replyTimeout = request.replyTimeout
    let client: BeanstalkClient
    do {
      client = try await BeanstalkClient.connect(
        to: address, configuration: configuration, loop: loop, patience: request.patience)
    } catch {
      progress.begin(tubes: 0)
      return AmendReport.Server(
        address: address.description, failure: "can't connect to \(address) (\(Self.text(of: error)))")
    }
    let report = await withTaskCancellationHandler {
      await work(client)
    } onCancel: {
      Task {
        try? await Task.sleep(for: Self.grace)
        await client.close(within: .zero)
      }
    }
    await client.close(within: .zero)
    return report
  }

  private func work(_ client: BeanstalkClient) async -> AmendReport.Server {
    var report = AmendReport.Server(address: address.description)
    var names: [String] = []
    do {
      let instance = try await client.allStatistics()["id"] ?? ""
      report.sameAs = known.claim(instance, for: address.description)
      if report.sameAs == nil { names = try await tubes(client, &report) }
    } catch {
      report.failure = Self.text(of: error)
    }
    progress.begin(tubes: names.count)
    report.tubesSeen = names.count
    let state = Locked(State(names))
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<min(request.concurrency, names.count) { group.addTask { await work(client, state) } }
    }
    let end = state.withLock { $0 }
    report.tubes = end.tubes.sorted { $0.name < $1.name }
    report.tubesNotReached = names.count - end.looked
    report.failure = report.failure ?? end.failure
    return report
  }

  /// Those that are wanted, sorted.
  private func tubes(_ client: BeanstalkClient, _ report: inout AmendReport.Server) async throws -> [String] {
    let all = try await client.tubes().filter { $0 != "default" }
    guard !request.patterns.isEmpty else { return all.sorted() }
    for pattern in request.patterns where all.contains(where: pattern.matches) { report.matched.insert(pattern) }
    return all.filter { name in request.patterns.contains { $0.matches(name) } }.sorted()
  }

  /// What the workers of one server share.
  private struct State: Sendable {
    private var waiting: ArraySlice<String>
    var looked = 0
    var tubes: [AmendReport.Tube] = []
    var failure: String?

    init(_ names: [String]) { waiting = names[...] }

    mutating func next() -> String? { failure == nil ? waiting.popFirst() : nil }
  }

  private func work(_ client: BeanstalkClient, _ state: Locked<State>) async {
    while !Task.isCancelled, let name = state.withLock({ $0.next() }) {
      let result = await TubeAmend(name, request).run(client)
      state.withLock { state in
        if let tube = result.tube { state.tubes.append(tube) }
        if result.tube != nil || result.failure == nil { state.looked += 1 }
        state.failure = state.failure ?? result.failure
      }
      progress.advance()
    }
  }

  static func text(of error: any Error) -> String { (error as? BeanstalkError)?.message ?? "\(error)" }
}
