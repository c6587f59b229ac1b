import Hummingbird
import MEDCore

/// Tubes: looked at, emptied, kicked.
extension AdminAPI {
  var queueRoutes: [APIRoute] {
    let path = "\(Self.base)/queues"
    return [
      APIRoute(.get, path, query: ["server", "prefix", "after", "limit"]) { call in
        var query = AdminQueueQuery()
        query.server = call.text("server")
        query.prefix = call.text("prefix") ?? ""
        query.after = call.text("after") ?? ""
        query.limit = try call.integer("limit", in: 1...AdminQueueQuery.maximumLimit) ?? query.limit
        try check(query.server)
        let page = try await limit.answer(within: Self.queueLimit) { [query, queues = sources.queues] in
          await queues.page(query)
        }
        return Response(try await json(page))
      },
      APIRoute(.post, "\(path)/clean") { call in
        let body = try await call.object(knows: ["tube", "servers", "callback"])
        guard let tube = try body.string("tube") else { throw AdminError(.invalid, "tube is missing") }
        let servers = try body.strings("servers") ?? control.queueServerNames
        var arguments: [String: JSONValue] = [
          "topic": .string(tube), "servers": .array(servers.map { .string($0) }),
        ]
        arguments["callback"] = try body.string("callback").map { .string($0) }
        _ = try await perform("CleanTopic", .object(arguments))
        return Response(
          ["tube": .string(tube), "servers": .array(servers.map { .string($0) }), "status": "begun"], status: .accepted)
      },
      APIRoute(.post, "\(path)/kick") { call in
        let body = try await call.object(knows: ["tube", "server", "count", "even_watched"])
        guard let tube = try body.string("tube") else { throw AdminError(.invalid, "tube is missing") }
        var kick = AdminKick(tube: tube)
        kick.server = try body.string("server")
        kick.limit = try body.integer("count", in: 1...1_000_000_000) ?? .max
        kick.includesWatched = try body.boolean("even_watched") ?? false
        let results = try await limit.answer(within: Self.kickLimit) { [kick, queues = sources.queues] in
          try await queues.kick(kick)
        }
        return try Self.answer(results, tube)
      },
    ]
  }

  private func check(_ server: String?) throws(AdminError) {
    guard let server, !control.queueServerNames.contains(server) else { return }
    throw AdminError(
      .badRequest, "server: expected one of QueueServerAddr (\(control.queueServerNames.joined(separator: ", ")))")
  }

  private func json(_ page: AdminQueuePage) async throws -> JSONValue {
    let names = Array(Set(page.tubes.map(\.name)))
    let owners = try await answer { await $0.owners(ofTubes: names) }
    let mainQueue = control.mainQueueName
    return [
      "servers": .array(page.servers.map(Self.json)),
      "queues": .array(
        page.tubes.map { tube in
          let owner = owners[tube.name]
          let kind = tube.name == mainQueue ? "main" : owner.map { $0.owner.isRetry ? "retry" : "channel" } ?? "other"
          let counts = tube.statistics
          return [
            "server": .string(tube.server), "tube": .string(tube.name), "kind": .string(kind),
            "subscription": owner.map { .integer($0.owner.subscription) } ?? .null,
            "topic": (owner?.topic).json, "ready": .integer(counts.ready), "reserved": .integer(counts.reserved),
            "delayed": .integer(counts.delayed), "buried": .integer(counts.buried),
            "watching": .integer(counts.watching),
          ]
        }),
      "next": page.next.json,
    ]
  }

  private static func json(_ server: AdminQueuePage.Server) -> JSONValue {
    var members: [String: JSONValue] = ["address": .string(server.address), "error": server.failure.json]
    if let totals = server.totals {
      members["version"] = .string(totals.version)
      members["tubes"] = .integer(totals.tubes)
      members["ready"] = .integer(totals.ready)
      members["reserved"] = .integer(totals.reserved)
      members["delayed"] = .integer(totals.delayed)
      members["buried"] = .integer(totals.buried)
      members["draining"] = .boolean(totals.draining)
    }
    return .object(members)
  }

  /// What was done is told with 200, also if it isn't all; where nothing could be done it is an error.
  private static func answer(_ results: [AdminKickResult], _ tube: String) throws(AdminError) -> Response {
    let kicked = results.reduce(0) { $0 + $1.kicked }
    let outcomes = Set(results.map(\.outcome))
    if kicked == 0, !outcomes.contains(.kicked), !outcomes.contains(.unfinished) {
      if outcomes.contains(.watched) {
        throw AdminError(
          .conflict,
          "somebody watches the tube, so a dispatcher works on it and its jobs would be pushed twice;"
            + " with \"even_watched\": true they are kicked all the same")
      }
      if let failed = results.first(where: { $0.outcome == .failed }) {
        throw AdminError(.unavailable, "\(failed.server): \(failed.message)")
      }
      throw AdminError(.notFound, "no queue server has such a tube")
    }
    return Response([
      "tube": .string(tube), "kicked": .integer(kicked),
      "complete": .boolean(outcomes.isSubset(of: [.kicked, .noSuchTube])),
      "servers": .array(
        results.map { result in
          [
            "address": .string(result.server), "outcome": .string(result.outcome.rawValue),
            "buried": .integer(result.buried), "kicked": .integer(result.kicked), "message": .string(result.message),
          ]
        }),
    ])
  }
}
