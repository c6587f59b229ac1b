import MEDBeanstalk
import MEDCore
import MEDLoop

/// `medctl kick`: the buried jobs of one tube go back to ready, and no delayed one is woken.
public struct KickRun: Sendable {
  private let tube: TubeName
  private let servers: [QueueServerAddress]
  public var limit = Int.max
  /// Also where somebody works on the tube: what he has in hand is pushed twice.
  public var includesWatched = false

  /// - Throws: ``UsageError`` if that is no name of a tube.
  public init(tube: String, servers: [QueueServerAddress]) throws {
    guard let name = TubeName(tube) else { throw UsageError("\(quoted(tube)) is not the name of a tube") }
    self.tube = name
    self.servers = servers
  }

  /// One server after the other, until the limit is reached. What fails on one doesn't keep the others from being done.
  public func run(_ progress: ProgressBar) throws -> KickReport {
    try runBlocking {
      var report = KickReport(tube: tube.description)
      for server in servers where report.kicked < limit {
        report.servers.append(await kick(at: server, atMost: limit - report.kicked, progress))
      }
      return report
    }
  }

  private func kick(
    at server: QueueServerAddress, atMost limit: Int, _ progress: ProgressBar
  ) async -> KickReport.Server {
    let kick = TubeKick(tube: tube, limit: limit, includesWatched: includesWatched)
    let seen = await kick.run(at: server) { done, wanted in
      if wanted > 100 { progress.show(done, of: wanted) }
    }
    progress.end()
    return seen
  }
}

/// What came of it, for each queue server that was asked.
public struct KickReport: Sendable {
  struct Server: Sendable {
    enum Outcome: Sendable, Equatable {
      case kicked
      /// The time was over.
      case unfinished
      /// Somebody works on it: nothing was done.
      case watched(by: Int)
      case noSuchTube
      case failed(String)
    }

    let address: String
    var buried = 0
    var outcome = Outcome.noSuchTube

    var kicked = 0

    var inWords: String {
      let before = kicked > 0 ? "kicked \(kicked), then " : ""
      return switch outcome {
      case .kicked: "kicked \(kicked) of \(buried)"
      case .unfinished: "kicked \(kicked) of \(buried), then the time was over"
      case .watched(let count):
        before
          + "skipped: watched by \(count) connection\(count == 1 ? "" : "s"), so a dispatcher works on it and its jobs would"
          + " be pushed twice; --even-watched kicks them all the same"
      case .noSuchTube: "has no such tube"
      case .failed(let reason): before + "failed: \(escapeControlCharacters(reason[...]))"
      }
    }
  }

  let tube: String
  var servers: [Server] = []

  public var kicked: Int { servers.reduce(0) { $0 + $1.kicked } }

  /// Whether all that was asked for was done: no server failed or was left out, and one at least has the tube.
  public var isComplete: Bool {
    servers.contains { if case .kicked = $0.outcome { true } else { false } }
      && servers.allSatisfy { server in
        switch server.outcome {
        case .kicked, .noSuchTube: true
        case .watched, .failed, .unfinished: false
        }
      }
  }

  public var text: String {
    let lines = servers.map { "\($0.address): \($0.inWords)" }
    return (lines + ["\(tube): \(kicked) kicked"]).joined(separator: "\n")
  }

  public var json: String {
    var bytes = Array(#"{"tube":"#.utf8)
    appendJSONString(tube, to: &bytes)
    bytes += #","kicked":\#(kicked),"complete":\#(isComplete),"queue_servers":["#.utf8
    for (index, server) in servers.enumerated() {
      bytes += (index > 0 ? "," : "").utf8
      bytes += #"{"address":"#.utf8
      appendJSONString(server.address, to: &bytes)
      bytes += #","buried":\#(server.buried),"kicked":\#(server.kicked),"result":"#.utf8
      appendJSONString(server.inWords, to: &bytes)
      bytes += "}".utf8
    }
    bytes += "]}".utf8
    return String(decoding: bytes, as: UTF8.self)
  }
}
