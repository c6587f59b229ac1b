import MEDCore

extension StatsReport {
  /// For people. Of each table at most `rows` rows; how many more there are is said.
  func lines(rows: Int) -> [String] {
    var lines = serverLines
    if let storeFailure {
      lines.append("the subscriptions can't be read: \(escapeControlCharacters(storeFailure[...]))")
    }
    lines.append("")
    lines += tubeLines(rows: rows)
    lines.append("")
    lines += dispatcherLines(rows: rows)
    return lines
  }

  var timeText: String {
    var bytes: [UInt8] = []
    time.append(to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  private var serverLines: [String] {
    var table = TextTable(
      ["queue server", "ready", "delayed", "buried", "reserved", "tubes", "others", "state"], flushLeft: [7])
    for server in servers {
      let state = server.failure.map { "failed: \(escapeControlCharacters($0[...]))" } ?? "ok"
      let totals = server.totals
      func number(_ value: Int?) -> String { value.map(String.init) ?? "-" }
      table.add([
        server.address.description, number(totals?.ready), number(totals?.delayed), number(totals?.buried),
        number(totals?.reserved), number(totals?.tubes), totals == nil ? "-" : "\(server.otherTubes)",
        totals?.draining == true ? "draining" : state,
      ])
    }
    return table.lines
  }

  private func tubeLines(rows: Int) -> [String] {
    let backlog = backlog
    guard !backlog.isEmpty else { return ["no jobs in the main queue, in channels and retry channels"] }
    let hasManyServers = servers.count > 1
    var table = TextTable(
      ["tube"] + (hasManyServers ? ["queue server"] : []) + ["ready", "delayed", "buried", "reserved", "watching"],
      flushLeft: hasManyServers ? [1] : [])
    for row in backlog.prefix(rows) {
      let statistics = row.tube.statistics
      table.add(
        [escapeControlCharacters(row.tube.name[...])] + (hasManyServers ? [row.server.description] : []) + [
          "\(statistics.ready)", "\(statistics.delayed)", "\(statistics.buried)", "\(statistics.reserved)",
          "\(statistics.watching)",
        ])
    }
    return table.lines + more(backlog.count - rows, "tubes with jobs")
  }

  private func dispatcherLines(rows: Int) -> [String] {
    switch dispatcher {
    case .off: return ["DebugAddr is empty: nobody to ask for lanes and rates"]
    case .silent(let address, let reason):
      return ["no dispatcher answers on \(address), so no lanes and rates: \(escapeControlCharacters(reason[...]))"]
    case .answered(let address, let state):
      return headLines(address, state) + laneLines(state.lanes, rows: rows)
    }
  }

  private func headLines(_ address: String, _ state: DispatcherState) -> [String] {
    let counters = state.counters
    var lines = [
      "dispatcher \(escapeControlCharacters(state.version[...])) on \(address), up \(Self.time(state.uptimeSeconds)),"
        + " \(state.residentBytes >> 20) MiB\(state.isStopping ? ", stopping" : "")",
      "\(counters.received) received, \(counters.delivered) delivered, \(counters.failedPushes) pushes failed,"
        + " \(counters.exhausted) given up, \(counters.dropped) dropped;"
        + " now \(Self.rate(state.rates.pushesLast10Seconds)) pushes/s,"
        + " \(Self.rate(state.rates.failuresLast10Seconds)) failed/s",
      Self.windows(state.rates),
    ]
    let away = state.queueServers.filter { !$0.isReachable }
    for server in away {
      let reason = escapeControlCharacters((server.latestError ?? "")[...])
      lines.append("it can't reach \(server.address) for \(Self.time(server.secondsSinceChange)): \(reason)")
    }
    if let error = state.directory.storeError { lines.append("its store: \(escapeControlCharacters(error[...]))") }
    if let lists = state.recoverLists {
      let address = lists.address.map { " on \($0)" } ?? ""
      lines.append(
        "recover lists\(address): \(counters.recovered) messages recovered, \(counters.recoverPutBacks) put back,"
          + " \(counters.recoverFailures) recorded, \(lists.lists) lists with entries")
      if !lists.isReachable, let error = lists.latestError {
        lines.append("its recover lists: \(escapeControlCharacters(error[...]))")
      }
    }
    if let log = state.dataLog, !log.isWritable {
      lines.append("its DATA log: \(escapeControlCharacters((log.lastError ?? "can't be written")[...]))")
    }
    return lines
  }

  private func laneLines(_ lanes: LanesState, rows: Int) -> [String] {
    guard lanes.awake > 0 else { return ["no lane is awake: nothing to do"] }
    var table = TextTable(
      [
        "lane", "subscription", "in flight", "of", "waiting", "ready", "delayed", "parked", "pushes/s",
        "failed/s", "1 min", "1 h",
      ])
    for lane in lanes.listed.prefix(rows) {
      table.add([
        escapeControlCharacters(lane.topic[...]) + (lane.kind == .retry ? " (retries)" : ""), "\(lane.subscription)",
        "\(lane.inFlight)", "\(lane.concurrency)", "\(lane.waiting)", "\(lane.announced)", "\(lane.delayed)",
        "\(lane.parked)",
        Self.rate(lane.rates.pushesLast10Seconds), Self.rate(lane.rates.failuresLast10Seconds),
        "\(lane.rates.pushesLastMinute)", "\(lane.rates.pushesLastHour)",
      ])
    }
    return table.lines + more(lanes.awake - rows, "lanes are awake")
  }

  private func more(_ count: Int, _ what: String) -> [String] { count > 0 ? ["… and \(count) more \(what)"] : [] }

  /// Pushes of each window, and failed ones among them.
  private static func windows(_ rates: PushRates) -> String {
    let counts = [
      ("1 s", rates.pushesLastSecond, rates.failuresLastSecond),
      ("10 s", rates.pushesLast10Seconds, rates.failuresLast10Seconds),
      ("1 min", rates.pushesLastMinute, rates.failuresLastMinute),
      ("1 h", rates.pushesLastHour, rates.failuresLastHour),
      ("1 day", rates.pushesLastDay, rates.failuresLastDay),
    ]
    return "pushes (failed) in " + counts.map { "\($0): \($1) (\($2))" }.joined(separator: ", ")
  }

  /// Of what was counted in ten seconds, per second.
  private static func rate(_ count: Int) -> String { "\(count / 10).\(count % 10)" }

  private static func time(_ seconds: Double) -> String {
    let seconds = seconds.isFinite ? Int(min(max(seconds, 0), 1e12)) : 0
    switch seconds {
    case ..<120: return "\(seconds) s"
    case ..<7200: return "\(seconds / 60) min"
    case ..<172_800: return "\(seconds / 3600) h"
    default: return "\(seconds / 86_400) days"
    }
  }
}
