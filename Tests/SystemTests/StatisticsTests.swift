import Foundation
import MEDTestSupport
import Testing

/// A system whose dispatcher has all addresses of statistics.
private struct CountedSystem {
  let system: SystemHarness
  let metrics: UInt16
  let console: UInt16
  let rpc: UInt16
  let admin: UInt16

  static func start(tables: String = "") async throws -> CountedSystem {
    let ports = try (0..<4).map { _ in try FreePort.next() }
    let system = try await SystemHarness.start(
      settings: [
        "PrometheusApiAddr": "\"127.0.0.1:\(ports[0])\"", "StatisticApiAddr": "\"127.0.0.1:\(ports[1])\"",
        "ListenAddr": "\"127.0.0.1:\(ports[2])\"", "MaxRetryTimesOfSendingMessage": "1",
      ], tables: tables)
    try system.configure(["Admin.Addr": "\"127.0.0.1:\(ports[3])\""])
    return CountedSystem(system: system, metrics: ports[0], console: ports[1], rpc: ports[2], admin: ports[3])
  }

  /// Starts the dispatcher and waits until it answers.
  func startDispatcher() async throws {
    try await system.startDispatcher()
    try await eventually("it answers", within: .seconds(60)) {
      try get("/metrics").status == 200 && text(get("/metrics")).contains("medispatcher_queue_server_up{")
    }
  }

  func get(_ path: String) throws -> PlainHTTP.Response {
    try PlainHTTP.send(port: metrics, path: path, timeout: .seconds(60))
  }

  private func text(_ response: PlainHTTP.Response) -> String { response.text }

  /// The value of a sample; nil: there is none.
  func value(_ sample: String) throws -> Double? {
    let line = try get("/metrics").text.split(separator: "\n").first { $0.hasPrefix(sample + " ") }
    return line.flatMap { Double($0.dropFirst(sample.count + 1)) }
  }

  /// topic → channel → window → pushes.
  func all(_ query: String = "") throws -> [String: [String: [String: Int]]] {
    let body = try get("/pushstatistics/alldata\(query)").body
    return try JSONSerialization.jsonObject(with: Data(body)) as? [String: [String: [String: Int]]] ?? [:]
  }
}

@Suite("§9 Statistics of a dispatcher", .showsServerOutput)
struct StatisticsTests {
  @Test func `what was pushed is in every form, by topic and subscription`() async throws {
    let counted = try await CountedSystem.start()
    let system = counted.system
    let good = try await system.subscribe()
    let bad = try await system.subscribe { _ in .refuse(.status(500)) }
    try await counted.startDispatcher()
    try system.publish(0..<20)
    try await eventually("all are given up, and counted", within: .seconds(60)) {
      let counts = try counted.all()[SystemHarness.topic]
      return counts?["\(good)"]?["day"] == 20 && counts?["\(bad)"]?["failed_day"] == 40
    }
    let counts = try #require(try counted.all()[SystemHarness.topic])
    #expect(counts["\(good)"]?["hour"] == 20 && counts["\(good)"]?["failed_hour"] == 0)
    #expect(counts["\(good)"]?.count == 10)
    let channel = #"topic="\#(SystemHarness.topic)", channel="\#(good)""#
    #expect(try counted.get("/prometheus/pushstatistics").text.contains("mec_topic_push_rate_1s{\(channel)} "))
    try await eventually("of ten seconds without pushes there is nothing but zeros, which are left out") {
      try counted.get("/prometheus/pushstatistics?nozero=true").text.split(separator: "\n").allSatisfy {
        $0.hasPrefix("#")
      }
    }
    #expect(try counted.all("?nozero=true")[SystemHarness.topic]?["\(good)"]?["failed_day"] == nil)

    let answer = try PlainRPC(port: counted.rpc).call("GetPushStatistics").object
    let ofRPC = (answer[SystemHarness.topic] as? [String: [String: Int]])?["\(bad)"]
    #expect(ofRPC?["day"] == 40 && ofRPC?["failed_day"] == 40)
    let ofAPI = try PlainHTTP.send(port: counted.admin, path: "/api/v1/statistics", timeout: .seconds(60))
    #expect(ofAPI.text.contains("\"failed_day\":40"))
    #expect(try await system.stopDispatcher() == .code(0))
  }

  @Test func `metrics are valid for another program, and say what happened`() async throws {
    let counted = try await CountedSystem.start()
    let system = counted.system
    let good = try await system.subscribe()
    try await system.subscribe { _ in .refuse(.refused) }
    try await counted.startDispatcher()
    try system.publish(0..<10)
    try await eventually("all have ended", within: .seconds(60)) {
      try counted.value("medispatcher_data_log_records_total") == 10
        && counted.value(#"medispatcher_pushes_total{queue="channel",outcome="delivered"}"#) == 10
    }
    #expect(try counted.value("medispatcher_messages_exhausted_total") == 10)
    #expect(try counted.value("medispatcher_messages_received_total") == 10)
    #expect(try counted.value("medispatcher_copies_total") == 20)
    let pushes = "medispatcher_pushes_total"
    #expect(try counted.value(#"\#(pushes){queue="channel",outcome="delivered"}"#) == 10)
    #expect(try counted.value(#"\#(pushes){queue="channel",outcome="not_acknowledged"}"#) == 10)
    #expect(try counted.value(#"\#(pushes){queue="retry",outcome="not_acknowledged"}"#) == 10)
    #expect(try counted.value("medispatcher_push_duration_seconds_count") == 30)
    #expect(try counted.value(#"medispatcher_queue_server_up{queue_server="\#(system.server.address)"}"#) == 1)
    #expect(try counted.value("medispatcher_data_log_writable") == 1)
    #expect(try counted.value("medispatcher_subscriptions") == 2)
    try await eventually("the second is over") {
      try counted.value(
        #"medispatcher_subscription_pushes_total{topic="\#(SystemHarness.topic)",subscription="\#(good)",outcome="delivered"}"#
      ) == 10
    }
    let (cpu, descriptors) = (
      try counted.value("process_cpu_seconds_total"), try counted.value("process_open_fds")
    )
    #expect((cpu ?? 0) > 0 && (descriptors ?? 0) > 5)

    for port in [counted.metrics, counted.admin] {
      let exposition = try PlainHTTP.send(port: port, path: "/metrics", timeout: .seconds(60))
      #expect(exposition.status == 200)
      let script = """
        import sys
        from prometheus_client.parser import text_string_to_metric_families
        families = list(text_string_to_metric_families(sys.stdin.read()))
        assert all(family.type in ("counter", "gauge", "histogram") and family.documentation for family in families)
        print(len(families), sum(len(family.samples) for family in families))
        """
      let run = try await PythonPackages.run(script, input: exposition.text)
      #expect(run.status == .code(0), "\(run.errors)")
      #expect((run.output.split(separator: " ").first.flatMap { Int($0) } ?? 0) > 70)
    }
    #expect(try await system.stopDispatcher() == .code(0))
  }

  @Test func `what waits is told with its age, the main queue included`() async throws {
    let counted = try await CountedSystem.start()
    let system = counted.system
    let id = try await system.subscribe(parameters: ["Concurrency": "1"])
    system.receiver.hold(system.path(id))
    try await counted.startDispatcher()
    try system.publish(0..<10)
    let labels = #"topic="\#(SystemHarness.topic)",subscription="\#(id)",queue="channel""#
    try await eventually("it is seen what waits", within: .seconds(60)) {
      let ready = try counted.value("medispatcher_subscription_jobs{\(labels),state=\"ready\"}")
      let buried = try counted.value("medispatcher_subscription_jobs{\(labels),state=\"buried\"}")
      return (ready ?? 0) + (buried ?? 0) == 10
    }
    #expect(try counted.value("medispatcher_subscription_in_flight{\(labels)}") == 1)
    #expect(try counted.value("medispatcher_subscription_sample_age_seconds{\(labels)}") != nil)
    let server = #"queue_server="\#(system.server.address)""#
    #expect(try counted.value("medispatcher_main_queue_jobs{\(server),state=\"ready\"}") == 0)
    #expect(try counted.value("medispatcher_main_queue_sample_age_seconds{\(server)}") != nil)
    system.receiver.release(system.path(id))
    #expect(try await system.stopDispatcher() == .code(0))
  }

  @Test func `a queue server that is away is told, and holds up no scrape`() async throws {
    let counted = try await CountedSystem.start()
    try await counted.startDispatcher()
    let up = #"medispatcher_queue_server_up{queue_server="\#(counted.system.server.address)"}"#
    try await eventually("reached", within: .seconds(60)) { try counted.value(up) == 1 }
    try await counted.system.server.process.crash()
    try await eventually("lost", within: .seconds(60)) { try counted.value(up) == 0 }
    #expect(try await counted.system.stopDispatcher() == .code(0))
  }

  @Test func `the console tells commands by the minute, as text and packed`() async throws {
    let counted = try await CountedSystem.start()
    try await counted.startDispatcher()
    let fresh = try PlainLines(port: counted.console)
    try fresh.send("stats\r\n")
    #expect(try fresh.line() == "no stats at the time.")
    let client = try PlainRPC(port: counted.rpc)
    for _ in 0..<3 { #expect(try client.call("GetPushStatistics").status == "ok") }
    #expect(try client.call("NoSuchCommand").status == "failed")

    let telnet = try PlainLines(port: counted.console)
    try telnet.send("stats\r\nquit\r\n")
    let lines = try telnet.readToEnd().split(separator: "\n").map { $0.trimmingCharacters(in: .newlines) }
    #expect(lines.last == "Bye")
    #expect(lines.first?.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:00Z/) != nil)
    var total = 0
    for line in lines where line.hasPrefix("{") {
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: [String: Int]]
      total += object?["GetPushStatistics"]?["FinishedReq"] ?? 0
      total += object?["unknown"]?["FailedReq"] ?? 0
    }
    #expect(total == 4)

    let zipped = try PlainLines(port: counted.console)
    try zipped.send("statsz\r\n")
    let packed = try zipped.bytesToEnd()
    let script =
      "import base64, gzip, sys; sys.stdout.buffer.write(gzip.decompress(base64.b64decode(sys.stdin.read())))"
    let run = try await PythonPackages.run(script, input: Data(packed).base64EncodedString())
    #expect(run.status == .code(0), "\(run.errors)")
    let minutes = try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: [String: [String: Int]]]
    #expect(minutes?.values.reduce(0) { $0 + ($1["GetPushStatistics"]?["TotalReq"] ?? 0) } == 3)
    #expect(minutes?.keys.allSatisfy { (Int($0) ?? 1) % 60 == 0 } == true)
    let counter = #"medispatcher_rpc_commands_total{command="GetPushStatistics",status="ok"}"#
    try await eventually("metrics have them too") { try counted.value(counter) == 3 }
    #expect(try await counted.system.stopDispatcher() == .code(0))
  }

  @Test func `the console is for those who may speak to ListenAddr, metrics are for everybody`() async throws {
    let counted = try await CountedSystem.start(tables: "[Rpc]\nAllowFrom = [\"192.0.2.0/24\"]\n")
    try await counted.startDispatcher()
    let client = try PlainLines(port: counted.console)
    try? client.send("stats\r\n")
    #expect(((try? client.readToEnd()) ?? "").isEmpty)
    try await eventually("it was told") { counted.system.log("warn").contains("see [Rpc] AllowFrom") }
    #expect(try counted.get("/metrics").status == 200)
    try await counted.system.reload(["Rpc.AllowFrom": "[\"127.0.0.0/8\"]"])
    try await eventually("it counts without a restart") {
      let client = try PlainLines(port: counted.console)
      try client.send("quit\r\n")
      return try client.readToEnd() == "Bye\r\n"
    }
    #expect(try await counted.system.stopDispatcher() == .code(0))
  }

  @Test func `default addresses that can't be had cost what they are for, and nothing else`() async throws {
    let system = try await SystemHarness.start()
    let id = try await system.subscribe()
    var takers: [ServerProcess] = []
    for port in [25_606, 5_606, 9_898] as [UInt16] {
      // It has it now, or somebody else does.
      takers.append(try ServerProcess("beanstalkd", ["-l", "127.0.0.1", "-p", "\(port)"]))
      try await eventually("somebody has it") { (try? PlainBeanstalk(port: port)) != nil }
    }
    try system.configure(["PrometheusApiAddr": nil, "StatisticApiAddr": nil, "DebugAddr": nil])
    try await system.startDispatcher()
    try system.publish(0..<5)
    try await system.receiver.waitFor(count: 5, on: system.path(id), within: .seconds(30))
    let lacks = [
      "there are no metrics for Prometheus", "there is no statistics console", "the running state isn't told",
    ]
    for lack in lacks {
      try await eventually(lack) { system.log("warn").contains(lack) }
    }
    #expect(try await system.stopDispatcher() == .code(0))
    for taker in takers { try await taker.stop() }
  }

  @Test func `an address in use that the config file names stops the start, before anything is taken`() async throws {
    let counted = try await CountedSystem.start()
    try await counted.startDispatcher()
    for (key, port) in [("PrometheusApiAddr", counted.metrics), ("StatisticApiAddr", counted.console)] {
      let second = try SystemHarness(counted.system.server, settings: [key: "\"127.0.0.1:\(port)\""])
      let run = try await ServerProcess.run(BuiltBinary.path("medispatcher"), ["-f", second.config])
      #expect(run.status == .code(1))
      #expect(run.errors.contains("\(key): can't listen on 127.0.0.1:\(port)"), "\(run.errors)")
      #expect(!second.log("info").contains("queue server reached"))
    }
  }
}
