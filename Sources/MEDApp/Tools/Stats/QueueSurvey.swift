import Logging
import MEDBeanstalk
import MEDCore

/// What one queue server says of the tubes that matter.
struct SurveyedServer: Sendable {
  struct Tube: Sendable {
    let name: String
    let role: TubeRoles.Role
    let statistics: TubeStatistics

    /// Jobs in whatever state.
    var jobs: Int { statistics.ready + statistics.delayed + statistics.buried + statistics.reserved }
  }

  let address: QueueServerAddress
  /// nil: it could not be asked.
  var totals: ServerStatistics?
  /// Of the main queue and of live subscriptions, as far as they exist, in the order of their names.
  var tubes: [Tube] = []
  /// Tubes of nobody here, `default` aside.
  var otherTubes = 0
  /// Why it could not be asked, or not to the end.
  var failure: String?
}

/// Asks queue servers over connections of its own, which it keeps from one look to the next.
actor QueueSurvey {
  /// Tubes asked about with one write. More would not be faster: the server is the slow one by then.
  private static let batch = 128
  private static let patience = Duration.seconds(3)

  private let servers: [QueueServerAddress]
  private var clients: [QueueServerAddress: BeanstalkClient] = [:]
  /// For standard error: how far a long look is.
  private let progress: ProgressBar
  private var asked = 0
  private var total = 0

  init(_ servers: [QueueServerAddress], progress: ProgressBar = ProgressBar("", isShown: false)) {
    self.servers = servers
    self.progress = progress
  }

  /// All servers at once: one that doesn't answer takes its time from none of the others.
  func look(_ roles: TubeRoles) async -> [SurveyedServer] {
    (asked, total) = (0, 0)
    return await withTaskGroup(of: (Int, SurveyedServer).self) { group in
      for (index, server) in servers.enumerated() {
        group.addTask { (index, await self.look(at: server, roles)) }
      }
      var seen: [(Int, SurveyedServer)] = []
      for await one in group { seen.append(one) }
      return seen.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }

  func close() async {
    for client in clients.values { await client.close(within: .zero) }
    clients = [:]
  }

  private func look(at server: QueueServerAddress, _ roles: TubeRoles) async -> SurveyedServer {
    var seen = SurveyedServer(address: server)
    do {
      let client = try await client(of: server)
      seen.totals = try await client.statistics()
      let names = try await client.tubes()
      let known = names.filter { roles.role(of: $0) != nil }.sorted()
      seen.otherTubes = names.count { $0 != "default" } - known.count { $0 != "default" }
      total += known.count
      for start in stride(from: 0, to: known.count, by: Self.batch) {
        let batch = Array(known[start..<min(start + Self.batch, known.count)])
        seen.tubes += try await Self.ask(client, about: batch, roles)
        advance(batch.count)
      }
    } catch {
      seen.failure = (error as? BeanstalkError)?.message ?? "\(error)"
    }
    return seen
  }

  private func advance(_ count: Int) {
    asked += count
    if total > Self.batch * 8 { progress.show(asked, of: total) }
  }

  /// Calls that are made together leave with one write.
  private static func ask(
    _ client: BeanstalkClient, about names: [String], _ roles: TubeRoles
  ) async throws -> [SurveyedServer.Tube] {
    try await withThrowingTaskGroup(of: SurveyedServer.Tube?.self) { group in
      for name in names {
        guard let tube = TubeName(name), let role = roles.role(of: name) else { continue }
        group.addTask {
          try await client.statistics(of: tube).map { SurveyedServer.Tube(name: name, role: role, statistics: $0) }
        }
      }
      var tubes: [SurveyedServer.Tube] = []
      for try await tube in group { if let tube { tubes.append(tube) } }
      return tubes.sorted { $0.name < $1.name }
    }
  }

  private func client(of server: QueueServerAddress) async throws -> BeanstalkClient {
    if let client = clients[server] { return client }
    let client = try await BeanstalkClient.connect(to: server, configuration: .forTools, patience: Self.patience)
    clients[server] = client
    return client
  }
}

extension BeanstalkConfiguration {
  /// As few connections as a session can have.
  static var forTools: BeanstalkConfiguration {
    var configuration = BeanstalkConfiguration()
    configuration.takeConnections = 1
    return configuration
  }
}
