import Foundation
import MEDCore
import MEDTestSupport
import Testing

@testable import MEDApp

/// What is shipped for Prometheus and Grafana, held against the metrics that there are.
@Suite("§9 Metrics: what is shipped and told of them")
struct MetricsDocumentTests {
  private static let promtool = "/usr/bin/promtool"
  /// Debian's own, whose packages `make install` installs.
  private static let python = "/usr/bin/python3"

  private static func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  /// With all its parts, and names that have to be escaped.
  private static var metrics: DispatcherMetrics {
    var metrics = DispatcherMetrics()
    var server = QueueServerState()
    server.address = "127.0.0.1:11300"
    server.mainQueue.ready = 3
    server.mainQueue.ageSeconds = 0.25
    metrics.state.queueServers = [server]
    metrics.state.directory.secondsSinceRefresh = 1.5
    metrics.state.failureLog = FailureLogState()
    metrics.state.dataLog = DataLogState()
    metrics.state.recoverLists = RecoverListsState()
    metrics.state.alerts = AlertsState()
    metrics.state.rpc = RPCState()
    metrics.commands = [.init(name: "GetPushStatistics", finished: 3, failed: 1)]
    metrics.build = [("version", "1.0.0"), ("revision", "")]
    metrics.channels.ageSeconds = 1
    var subscription = DispatcherMetrics.Subscription()
    subscription.topic = "a \"topic\"\\\nof two lines"
    subscription.subscription = 352
    subscription.channel.jobs.ready = 7
    subscription.retryChannel.jobs.delayed = 1
    subscription.retryChannel.jobs.ageSeconds = 2
    metrics.subscriptions = [subscription]
    return metrics
  }

  private static var exposition: String { String(decoding: metrics.prometheusText, as: UTF8.self) }

  /// Names by kind, as `# TYPE` says them.
  private static var types: [String: String] {
    Dictionary(
      exposition.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }
        .map { line in
          let words = line.split(separator: " ")
          return (String(words[2]), String(words[3]))
        }, uniquingKeysWith: { "\($0) and \($1)" })
  }

  /// Those and what a histogram's samples are called.
  private static var sampleNames: Set<String> {
    var names: Set<String> = []
    for (name, type) in types {
      names.formUnion(type == "histogram" ? ["_bucket", "_sum", "_count"].map { name + $0 } : [name])
    }
    return names
  }

  /// Words of a query that look like ours.
  private static func names(in text: String) -> Set<String> {
    Set(text.matches(of: /\b(medispatcher|process|mec)_[a-z0-9_]+/).map { String($0.0) })
  }

  @Test func `another program's parser reads all of it, with the same names, kinds and labels`() async throws {
    let script = """
      import json, sys
      from prometheus_client.parser import text_string_to_metric_families
      families = []
      topics = set()
      for family in text_string_to_metric_families(sys.stdin.read()):
          assert family.documentation, family.name
          seen = set()
          for sample in family.samples:
              key = (sample.name, tuple(sorted(sample.labels.items())))
              assert key not in seen, key
              seen.add(key)
              topics.update(value for name, value in sample.labels.items() if name == "topic")
          families.append({"name": family.name, "type": family.type, "samples": len(family.samples)})
      print(json.dumps({"families": families, "topics": list(topics)}))
      """
    let run = try await PythonPackages.run(script, input: Self.exposition)
    #expect(run.status == .code(0), "\(run.errors)")
    let read = try #require(try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    let families = try #require(read["families"] as? [[String: Any]])
    #expect(families.count == Self.types.count)
    for family in families {
      let name = try #require(family["name"] as? String)
      let type = family["type"] as? String
      #expect(Self.types[type == "counter" ? name + "_total" : name] == type, "\(name)")
      #expect((family["samples"] as? Int ?? 0) > 0, "\(name)")
    }
    #expect(read["topics"] as? [String] == ["a \"topic\"\\\nof two lines"])
  }

  @Test func `names and kinds follow Prometheus' conventions`() {
    #expect(Self.types.count > 80)
    for (name, type) in Self.types {
      #expect(name.wholeMatch(of: /[a-z][a-z0-9_]*[a-z0-9]/) != nil, "\(name)")
      #expect(name.hasPrefix("medispatcher_") || name.hasPrefix("process_"), "\(name)")
      #expect((type == "counter") == name.hasSuffix("_total"), "\(name)")
      #expect(["counter", "gauge", "histogram"].contains(type), "\(name): \(type)")
      for unit in ["milliseconds", "_ms", "kilobytes", "minutes", "percent"] {
        #expect(!name.contains(unit), "\(name)")
      }
    }
    // Samples of a metric stand together, behind its help and its type.
    var current = ""
    for line in Self.exposition.split(separator: "\n") {
      if line.hasPrefix("# HELP ") { current = String(line.split(separator: " ")[2]) }
      let isOwn =
        line.hasPrefix("# HELP \(current) ") || line.hasPrefix("# TYPE \(current) ") || line.hasPrefix(current)
      #expect(isOwn, "\(line)")
    }
  }

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: promtool), "needs promtool"))
  func `promtool finds nothing wrong with metrics and rules`() throws {
    let scratch = try Scratch()
    let file = scratch.path + "/metrics"
    try Self.exposition.write(toFile: file, atomically: true, encoding: .utf8)
    let metrics = try ProgramRun("/bin/sh", ["-c", "\(Self.promtool) check metrics < \(file)"])
    #expect(metrics.status == 0, "\(metrics.output)\(metrics.errors)")
    let rules = try ProgramRun(Self.promtool, ["check", "rules", "Docs/deploy/prometheus-alerts.yaml"])
    #expect(rules.status == 0, "\(rules.output)\(rules.errors)")
  }

  @Test func `the document tells of every metric, with its kind, and of no other`() throws {
    let rows = try Self.text("Docs/statistics.md").split(separator: "\n").filter { $0.hasPrefix("| `") }
    var told: Set<String> = []
    for row in rows {
      let cells = row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      for match in cells[0].matches(of: /`((medispatcher|process)_[a-z0-9_]+)/) {
        told.insert(String(match.1))
        #expect(cells.dropFirst().first == Self.types[String(match.1)], "\(row)")
      }
    }
    #expect(told == Set(Self.types.keys))
  }

  @Test func `alert rules ask for metrics that there are, and say what to do`() throws {
    let script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))"
    let run = try ProgramRun(Self.python, ["-c", script, "Docs/deploy/prometheus-alerts.yaml"])
    #expect(run.status == 0, "\(run.errors)")
    let file = try #require(try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    let rules = (file["groups"] as? [[String: Any]] ?? []).flatMap { $0["rules"] as? [[String: Any]] ?? [] }
    #expect(rules.count > 8)
    #expect(Set(rules.compactMap { $0["alert"] as? String }).count == rules.count)
    for rule in rules {
      let expression = try #require(rule["expr"] as? String)
      let names = Self.names(in: expression)
      #expect(!names.isEmpty && names.isSubset(of: Self.sampleNames), "\(expression)")
      let annotations = rule["annotations"] as? [String: String]
      #expect(annotations?["summary"]?.isEmpty == false && annotations?["description"]?.isEmpty == false)
      #expect(["critical", "warning"].contains((rule["labels"] as? [String: String])?["severity"] ?? ""))
    }
  }

  @Test func `the dashboard asks for metrics that there are`() throws {
    let json = try JSONSerialization.jsonObject(with: Data(try Self.text("Docs/deploy/grafana-dashboard.json").utf8))
    let dashboard = try #require(json as? [String: Any])
    let panels = try #require(dashboard["panels"] as? [[String: Any]])
    var identifiers: Set<Int> = []
    for panel in panels {
      #expect(identifiers.insert(try #require(panel["id"] as? Int)).inserted)
      guard panel["type"] as? String != "row" else { continue }
      let targets = try #require(panel["targets"] as? [[String: Any]])
      #expect(!targets.isEmpty && panel["title"] != nil && panel["gridPos"] != nil)
      for target in targets {
        let expression = try #require(target["expr"] as? String)
        let names = Self.names(in: expression)
        #expect(!names.isEmpty && names.isSubset(of: Self.sampleNames), "\(expression)")
      }
    }
    #expect(panels.count > 10)
    #expect(dashboard["title"] as? String == "medispatcher" && dashboard["uid"] != nil)
  }
}
