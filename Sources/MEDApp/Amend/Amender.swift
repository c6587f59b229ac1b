import MEDBeanstalk
import MEDCore
import MEDLoop

/// Kicks what a dispatcher that died left buried (SPEC §13).
public enum Amender {
  /// Queue servers worked on at the same time.
  private static let mostServers = 64

  /// Works on all servers; what fails on one doesn't keep the others from being done. A cancelled task ends after the
  /// batches that are under way, and the report tells what was done.
  /// - Throws: `LoopError` if the system has no thread left.
  public static func run(_ request: AmendRequest, progress: ProgressBar) async throws -> AmendReport {
    let loop = try EventLoop.start(name: "amender")
    defer { loop.stop() }
    let servers = request.servers
    let known = KnownServers()
    let progress = AmendProgress(progress, servers: servers.count)
    let next = Locked(servers.indices)
    var done: [(Int, AmendReport.Server)] = []
    await withTaskGroup(of: [(Int, AmendReport.Server)].self) { group in
      for _ in 0..<min(servers.count, mostServers) {
        group.addTask {
          var done: [(Int, AmendReport.Server)] = []
          while let index = next.withLock({ $0.popFirst() }) {
            let server = ServerAmend(servers[index], request, known, progress)
            done.append((index, await server.run(on: loop)))
          }
          return done
        }
      }
      for await part in group { done += part }
    }
    progress.end()
    return report(done.sorted { $0.0 < $1.0 }.map(\.1), of: request)
  }

  private static func report(_ servers: [AmendReport.Server], of request: AmendRequest) -> AmendReport {
    var report = AmendReport(servers: servers, isDryRun: request.isDryRun)
    // Told to stop when all was done already isn't worth a word.
    report.isInterrupted =
      Task.isCancelled
      && servers.contains {
        $0.failure != nil || $0.tubesNotReached > 0 || $0.tubes.contains { $0.outcome == .interrupted }
      }
    let matched = servers.reduce(into: Set<TubePattern>()) { $0.formUnion($1.matched) }
    report.unmatched = request.patterns.filter { !matched.contains($0) }
    return report
  }
}

/// Runs of queue servers by their `id`: the config file may name one server twice, by name and by address.
final class KnownServers: Sendable {
  private let addresses = Locked<[String: String]>([:])

  /// - Returns: the address by which the server is worked on already; nil: by this one, from now on.
  func claim(_ instance: String, for address: String) -> String? {
    addresses.withLock { addresses in
      if let other = addresses[instance] { return other }
      addresses[instance] = address
      return nil
    }
  }
}
