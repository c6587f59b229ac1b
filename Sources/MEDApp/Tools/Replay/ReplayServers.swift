import MEDBeanstalk
import MEDCore

/// The queue servers that a replay puts into, in turn; one that fails or is full is passed over for a while.
final class ReplayServers {
  /// One queue server.
  struct Server {
    let address: QueueServerAddress
    var client: BeanstalkClient?
    var restsUntil: ContinuousClock.Instant?
    var put = 0
    /// Why it didn't take the latest one that it refused.
    var failure: String?
  }

  enum Outcome: Equatable {
    case stored
    /// JOB_TOO_BIG: final.
    case tooBig(server: String)
    /// Each one was tried; why not.
    case nowhere(String)
    /// The user has had enough while all were tried again.
    case stopped
  }

  private(set) var servers: [Server]
  /// Puts whose answer was lost: they may be there twice.
  private(set) var unanswered = 0
  private var turn = 0
  private let stop: StopRequest

  /// How long a server that failed is passed over while others answer.
  private static let rest = Duration.seconds(2)
  /// How long a server is waited for at first.
  private static let patience = Duration.seconds(1)
  /// Before all are tried again.
  private static let pauses: [Duration] = [.milliseconds(500), .seconds(1)]

  init(_ addresses: [QueueServerAddress], stop: StopRequest) {
    servers = addresses.map { Server(address: $0) }
    self.stop = stop
  }

  /// Stores one message on one server; tries each of them three times.
  func put(_ put: ReplayRule.Put) -> Outcome {
    for pause in [nil] + Self.pauses.map(Optional.some) {
      if let pause, stop.wait(atMost: pause) { return .stopped }
      if let outcome = round(put) { return outcome }
    }
    return .nowhere(servers.compactMap(\.failure).joined(separator: "; "))
  }

  /// Those that rest come last.
  private func round(_ put: ReplayRule.Put) -> Outcome? {
    let now = ContinuousClock.now
    let order = servers.indices.map { (turn + $0) % servers.count }
    turn = (turn + 1) % servers.count
    let resting = order.filter { index in servers[index].restsUntil.map { $0 > now } ?? false }
    for index in order.filter({ !resting.contains($0) }) + resting {
      switch attempt(put, index) {
      case .stored:
        servers[index].put += 1
        servers[index].restsUntil = nil
        return .stored
      case .tooBig: return .tooBig(server: servers[index].address.description)
      case .refused(let reason): servers[index].failure = reason
      case .unavailable: servers[index].failure = "\(servers[index].address) can't be reached"
      case .unanswered:
        unanswered += 1
        servers[index].failure = "\(servers[index].address) didn't answer a put: stored or not, nobody knows"
      }
      servers[index].restsUntil = .now + Self.rest
    }
    return nil
  }

  private func attempt(_ put: ReplayRule.Put, _ index: Int) -> PutOutcome {
    let job = Put(tube: put.tube, body: put.body, delay: put.delay, priority: put.priority)
    do {
      let client = try client(of: index)
      let outcomes = try runBlocking { await client.put([job]) }
      switch outcomes.first ?? .unavailable {
      case .refused(let answer):
        return .refused("\(client.address) answered put with \(escapeControlCharacters(answer[...]))")
      case let outcome: return outcome
      }
    } catch {
      let reason = (error as? BeanstalkError)?.message ?? "\(error)"
      return .refused("can't connect to \(servers[index].address) (\(reason))")
    }
  }

  /// It connects anew by itself when it has been connected once.
  private func client(of index: Int) throws -> BeanstalkClient {
    if let client = servers[index].client { return client }
    let address = servers[index].address
    let client = try runBlocking {
      try await BeanstalkClient.connect(to: address, configuration: .forTools, patience: Self.patience)
    }
    servers[index].client = client
    return client
  }
}
