import MEDAdmin
import MEDBeanstalk
import MEDCore
import MEDLoop

/// What the admin API asks queue servers: over connections that are made for the question and closed after it.
struct BeanstalkQueues: AdminQueues {
  /// For a connection, and for a server's answer.
  private static let patience = Duration.seconds(3)
  /// For all that one server is asked for a page.
  private static let pageTime = Duration.seconds(7)
  /// For all servers of a kick.
  private static let kickTime = Duration.seconds(12)
  /// Tubes asked about with one write.
  private static let batch = 128

  let servers: [QueueServerAddress]

  init(_ servers: [QueueServerAddress]) { self.servers = servers }

  // MARK: Looking

  func page(_ query: AdminQueueQuery) async -> AdminQueuePage {
    let asked = servers.filter { query.server == nil || query.server == $0.description }
    var looks = await withTaskGroup(of: (Int, Look).self) { group in
      for (index, server) in asked.enumerated() { group.addTask { (index, await Look.names(server, query)) } }
      var looks: [(Int, Look)] = []
      for await one in group { looks.append(one) }
      return looks.sorted { $0.0 < $1.0 }.map(\.1)
    }
    // Of each server the first names; of all of them the first ones.
    let names = Set(looks.flatMap(\.names)).sorted()
    let chosen = Set(names.prefix(query.limit))
    looks = await withTaskGroup(of: (Int, Look).self) { group in
      for (index, look) in looks.enumerated() { group.addTask { (index, await look.asking(about: chosen)) } }
      var asked: [(Int, Look)] = []
      for await one in group { asked.append(one) }
      return asked.sorted { $0.0 < $1.0 }.map(\.1)
    }
    var page = AdminQueuePage()
    page.servers = looks.map(\.server)
    page.tubes = looks.flatMap(\.tubes).sorted { $0.name != $1.name ? $0.name < $1.name : $0.server < $1.server }
    page.next = names.count > query.limit ? names[query.limit - 1] : nil
    return page
  }

  /// One server of a page.
  private struct Look: Sendable {
    var server: AdminQueuePage.Server
    var client: BeanstalkClient?
    var names: [String] = []
    var tubes: [AdminQueuePage.Tube] = []
    let deadline = ContinuousClock.now + BeanstalkQueues.pageTime

    /// Totals, and the names that follow the query's last one: one more than are asked for.
    static func names(_ address: QueueServerAddress, _ query: AdminQueueQuery) async -> Look {
      var look = Look(server: .init(address: address.description))
      do {
        var configuration = BeanstalkConfiguration.forTools
        configuration.replyTimeout = BeanstalkQueues.patience
        let client = try await BeanstalkClient.connect(
          to: address, configuration: configuration, patience: BeanstalkQueues.patience)
        look.client = client
        look.server.totals = try await client.statistics()
        let names = try await client.tubes().filter { $0 > query.after && $0.hasPrefix(query.prefix) }
        look.names = Array(names.sorted().prefix(query.limit + 1))
      } catch {
        look.server.failure = (error as? BeanstalkError)?.message ?? "\(error)"
      }
      return look
    }

    func asking(about chosen: Set<String>) async -> Look {
      var look = self
      guard let client else { return look }
      let wanted = names.filter { chosen.contains($0) }
      do {
        for start in stride(from: 0, to: wanted.count, by: BeanstalkQueues.batch) {
          guard ContinuousClock.now < deadline else {
            look.server.failure = "it took too long; \(wanted.count - start) tubes are left out"
            break
          }
          let names = wanted[start..<min(start + BeanstalkQueues.batch, wanted.count)]
          look.tubes += try await ask(client, about: names)
        }
      } catch {
        look.server.failure = (error as? BeanstalkError)?.message ?? "\(error)"
      }
      await client.close(within: .zero)
      look.client = nil
      return look
    }

    /// Calls that are made together leave with one write.
    private func ask(
      _ client: BeanstalkClient, about names: ArraySlice<String>
    ) async throws -> [AdminQueuePage.Tube] {
      let address = server.address
      return try await withThrowingTaskGroup(of: AdminQueuePage.Tube?.self) { group in
        for name in names {
          guard let tube = TubeName(name) else { continue }
          group.addTask {
            try await client.statistics(of: tube).map { .init(server: address, name: name, statistics: $0) }
          }
        }
        var tubes: [AdminQueuePage.Tube] = []
        for try await tube in group { if let tube { tubes.append(tube) } }
        return tubes
      }
    }
  }

  // MARK: Kicking

  func kick(_ request: AdminKick) async throws(ControlError) -> [AdminKickResult] {
    guard let tube = TubeName(request.tube) else {
      throw ControlError(.invalidArgument, "tube: that is not the name of a tube")
    }
    var asked = servers
    if let server = request.server {
      asked = servers.filter { $0.description == server }
      guard !asked.isEmpty else {
        throw ControlError(
          .invalidArgument,
          "server: expected one of QueueServerAddr (\(servers.map(\.description).joined(separator: ", ")))")
      }
    }
    var kick = TubeKick(tube: tube, includesWatched: request.includesWatched)
    kick.deadline = .now + Self.kickTime
    var left = request.limit
    var results: [AdminKickResult] = []
    for server in asked where left > 0 {
      kick.limit = left
      let seen = await kick.run(at: server, patience: Self.patience)
      left -= min(left, seen.kicked)
      results.append(AdminKickResult(seen))
    }
    return results
  }
}

extension AdminKickResult {
  init(_ seen: KickReport.Server) {
    let (outcome, message): (Outcome, String) =
      switch seen.outcome {
      case .kicked: (.kicked, "")
      case .unfinished: (.unfinished, "the time was over; the same request goes on")
      case .watched(let count): (.watched, "watched by \(count) connection\(count == 1 ? "" : "s")")
      case .noSuchTube: (.noSuchTube, "there is no such tube")
      case .failed(let reason): (.failed, escapeControlCharacters(reason[...]))
      }
    self.init(server: seen.address, outcome: outcome, buried: seen.buried, kicked: seen.kicked, message: message)
  }
}
