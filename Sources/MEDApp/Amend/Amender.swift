import MEDCore
import MEDLoop

/// Kicks what a dispatcher that died left buried (SPEC §13).
public enum Amender {
  /// Tubes asked about with one write.
  private static let batch = 64

  /// Works on all servers; what fails on one doesn't keep the others from being done.
  public static func run(_ request: AmendRequest) -> AmendReport {
    let servers = request.servers
    let results = Locked<[AmendReport.Server?]>(servers.map { _ in nil })
    let next = Locked(0)
    @Sendable func work() {
      while true {
        let index = next.withLock { index in
          defer { index += 1 }
          return index
        }
        guard index < servers.count else { return }
        let report = amend(servers[index], request)
        results.withLock { $0[index] = report }
      }
    }
    let helpers = (1..<max(1, min(request.concurrency, servers.count))).compactMap { _ in
      try? Thread(named: "amender", work)
    }
    work()
    for helper in helpers { helper.join() }
    return AmendReport(servers: results.withLock { $0 }.compactMap(\.self), isDryRun: request.isDryRun)
  }

  private static func amend(_ server: QueueServerAddress, _ request: AmendRequest) -> AmendReport.Server {
    var report = AmendReport.Server(address: server.description)
    do throws(SystemError) {
      let connection = try BeanstalkConnection(server)
      var tubes = try connection.tubes().filter { $0 != "default" }.sorted()
      if let wanted = request.tube { tubes = tubes.filter { $0 == wanted } }
      report.tubesSeen = tubes.count
      for start in stride(from: 0, to: tubes.count, by: batch) {
        let names = tubes[start..<min(start + batch, tubes.count)]
        let statistics = try connection.statistics(of: names)
        for (name, counters) in zip(names, statistics) {
          guard let counters, let buried = counters["current-jobs-buried"], buried > 0 else { continue }
          let outcome = try amend(name, buried, watching: counters["current-watching"] ?? 0, connection, request)
          report.tubes.append(AmendReport.Tube(name: name, buried: buried, outcome: outcome))
        }
      }
    } catch {
      report.failure = error.message
    }
    return report
  }

  private static func amend(
    _ tube: String, _ buried: Int, watching: Int, _ connection: BeanstalkConnection, _ request: AmendRequest
  ) throws(SystemError) -> AmendReport.Tube.Outcome {
    if watching > 0, !request.includesWatched { return .watched(by: watching) }
    if request.isDryRun { return .wouldKick }
    // Fewer if somebody else was at it too: then nothing is left to do.
    return .kicked(try connection.kickBuried(buried, in: tube))
  }
}
