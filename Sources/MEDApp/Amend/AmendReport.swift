import MEDCore

/// What `amender` is asked to do (SPEC §13).
public struct AmendRequest: Sendable {
  public var servers: [QueueServerAddress]
  /// Only this tube; nil: all.
  public var tube: String?
  /// Queue servers that are worked on at the same time.
  public var concurrency = 4
  public var isDryRun = false
  public var includesWatched = false

  public init(servers: [QueueServerAddress]) { self.servers = servers }
}

/// What came of it, per server and tube.
public struct AmendReport: Sendable, Equatable {
  public struct Tube: Sendable, Equatable {
    public enum Outcome: Sendable, Equatable {
      case kicked(Int)
      /// Would have been kicked (dry run).
      case wouldKick
      /// Somebody watches it: its jobs are being worked on.
      case watched(by: Int)
      case failed(String)
    }

    public let name: String
    public let buried: Int
    public let outcome: Outcome
  }

  public struct Server: Sendable, Equatable {
    public let address: String
    /// Tubes with buried jobs, by name. The others are not listed.
    public var tubes: [Tube] = []
    public var tubesSeen = 0
    /// Why the server could not be worked on, or not to the end.
    public var failure: String?
  }

  public var servers: [Server]
  public let isDryRun: Bool

  /// Whether everything that was asked for was done.
  public var isComplete: Bool {
    servers.allSatisfy { server in
      server.failure == nil && !server.tubes.contains { if case .failed = $0.outcome { true } else { false } }
    }
  }

  public var kicked: Int { servers.flatMap(\.tubes).reduce(0) { $0 + $1.kicked } }
  public var buried: Int { servers.flatMap(\.tubes).reduce(0) { $0 + $1.buried } }
  public var watchedTubes: Int {
    servers.flatMap(\.tubes).count { if case .watched = $0.outcome { true } else { false } }
  }
}

extension AmendReport.Tube {
  var kicked: Int { if case .kicked(let count) = outcome { count } else { 0 } }

  var inWords: String {
    switch outcome {
    case .kicked(let count): "kicked \(count)"
    case .wouldKick: "would kick \(buried)"
    case .watched(let count): "skipped: watched by \(count) connection\(count == 1 ? "" : "s")"
    case .failed(let reason): "failed: \(reason)"
    }
  }
}

extension AmendReport {
  /// The report for people.
  public var text: String {
    var lines: [String] = []
    for server in servers {
      lines.append("\(server.address): \(server.tubesSeen) tubes, \(server.tubes.count) with buried jobs")
      var table = TextTable(["  tube", "buried", "result"], flushLeft: [2])
      for tube in server.tubes {
        table.add(["  " + escapeControlCharacters(tube.name[...]), "\(tube.buried)", tube.inWords])
      }
      if !server.tubes.isEmpty { lines += table.lines }
      if let failure = server.failure { lines.append("  failed: \(failure)") }
    }
    let failures = servers.count { $0.failure != nil }
    lines.append(
      "total: \(servers.count) servers (\(failures) failed), \(buried) buried, "
        + (isDryRun ? "nothing kicked (dry run)" : "\(kicked) kicked") + ", \(watchedTubes) watched tubes skipped")
    return lines.joined(separator: "\n")
  }

  /// The same for scripts: one JSON object.
  public var json: String {
    var bytes = Array(
      #"{"dry_run":\#(isDryRun),"buried":\#(buried),"kicked":\#(kicked),"complete":\#(isComplete)"#.utf8)
    bytes += #","servers":["#.utf8
    for (index, server) in servers.enumerated() {
      bytes += (index > 0 ? "," : "").utf8
      bytes += #"{"address":"#.utf8
      appendJSONString(server.address, to: &bytes)
      bytes += #","tubes_seen":\#(server.tubesSeen),"failure":"#.utf8
      if let failure = server.failure { appendJSONString(failure, to: &bytes) } else { bytes += "null".utf8 }
      bytes += #","tubes":["#.utf8
      for (index, tube) in server.tubes.enumerated() {
        bytes += (index > 0 ? "," : "").utf8
        bytes += #"{"tube":"#.utf8
        appendJSONString(tube.name, to: &bytes)
        bytes += #","buried":\#(tube.buried),"kicked":\#(tube.kicked),"result":"#.utf8
        appendJSONString(tube.inWords, to: &bytes)
        bytes += "}".utf8
      }
      bytes += "]}".utf8
    }
    bytes += "]}".utf8
    return String(decoding: bytes, as: UTF8.self)
  }
}
