import Hummingbird
import MEDCore

/// Probes: `/livez` and `/readyz` for whoever starts, restarts and balances, `/healthz` for whoever wants to know.
extension AdminAPI {
  /// A loop that hasn't had its turn by then hangs.
  static let probeLimit = Duration.seconds(3)

  var healthRoutes: [APIRoute] {
    [
      APIRoute(.get, "/livez") { _ in
        switch await limit.value(within: Self.probeLimit, sources.isTurning) {
        case true: return Response(["status": "ok"])
        case false: throw AdminError(.unavailable, "the dispatcher isn't running")
        default:
          throw AdminError(.unavailable, "the loop hasn't had its turn for \(Self.probeLimit.components.seconds) s")
        }
      },
      APIRoute(.get, "/readyz") { _ in
        let problems = await summary().problems
        return Response(
          ["status": problems.isEmpty ? "ready" : "not_ready", "problems": Self.json(problems)],
          status: problems.isEmpty ? .ok : .serviceUnavailable)
      },
      APIRoute(.get, "/healthz") { _ in
        let (state, problems) = await summary()
        return Response(Self.health(state, problems, version: sources.version))
      },
    ]
  }

  private func summary() async -> (state: DispatcherState?, problems: [ReadinessProblem]) {
    guard let answered = await limit.value(within: Self.probeLimit, sources.summary) else {
      return (nil, [ReadinessProblem(.notRunning, "the dispatcher doesn't answer")])
    }
    guard let state = answered else { return (nil, [ReadinessProblem(.notRunning, "the dispatcher isn't running")]) }
    return (state, state.readinessProblems)
  }

  private static func json(_ problems: [ReadinessProblem]) -> JSONValue {
    .array(
      problems.map { problem in
        [
          "kind": .string(problem.kind.rawValue), "subject": .string(problem.subject),
          "message": .string(problem.message),
        ]
      })
  }

  private static func health(
    _ state: DispatcherState?, _ problems: [ReadinessProblem], version: String
  ) -> JSONValue {
    var members: [String: JSONValue] = [
      "status": .string(problems.isEmpty ? "ok" : state == nil ? "down" : "degraded"), "version": .string(version),
      "problems": json(problems),
    ]
    guard let state else { return .object(members) }
    members["uptime_seconds"] = .integer(Int(clamping: Int64(state.uptimeSeconds.rounded(.down))))
    members["resident_bytes"] = .integer(state.residentBytes)
    members["queue_servers"] = .array(
      state.queueServers.map { server in
        [
          "address": .string(server.address), "reachable": .boolean(server.isReachable),
          "listeners_up": .integer(server.listenersUp), "latest_error": server.latestError.json,
        ]
      })
    members["subscriptions"] = [
      "live": .integer(state.directory.subscriptions), "topics": .integer(state.directory.topics),
      "from_snapshot": .boolean(state.directory.isFromSnapshot), "store_error": state.directory.storeError.json,
    ]
    members["data_log"] = [
      "writable": .boolean(state.dataLog?.isWritable ?? true), "latest_error": (state.dataLog?.lastError).json,
    ]
    members["lanes"] = [
      "awake": .integer(state.lanes.awake), "in_flight": .integer(state.lanes.inFlight),
      "parked": .integer(state.lanes.parked),
    ]
    members["pushes"] = [
      "delivered": .integer(Int(clamping: state.counters.delivered)),
      "failed": .integer(Int(clamping: state.counters.failedPushes)),
      "last_10_seconds": .integer(state.rates.pushesLast10Seconds),
      "failed_last_10_seconds": .integer(state.rates.failuresLast10Seconds),
    ]
    return .object(members)
  }
}

extension String? {
  var json: JSONValue { map { .string($0) } ?? .null }
}
