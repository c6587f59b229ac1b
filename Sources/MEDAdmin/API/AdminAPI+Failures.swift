import Hummingbird
import MEDCore

/// The failure log.
extension AdminAPI {
  var failureRoutes: [APIRoute] {
    let path = "\(Self.base)/failures"
    return [
      APIRoute(
        .get, path, query: ["subscription", "topic", "state", "from", "until", "before", "limit"]
      ) { call in
        var query = FailureQuery()
        query.subscription = try call.integer("subscription", in: 1...Int(Int32.max))
        query.topic = call.text("topic")
        query.state = try call.choice("state", FailureRecord.State.self)
        query.from = try call.seconds("from")
        query.until = try call.seconds("until")
        query.before = try call.integer("before", in: 1...Int.max)
        query.limit = try call.integer("limit", in: 1...FailureQuery.maximumLimit) ?? query.limit
        let page = try await answer { [query] control in try await control.failures(query) }
        return Response([
          "failures": .array(page.records.map { .object(Self.members($0)) }),
          "next": page.next.map { .integer($0) } ?? .null,
        ])
      },
      APIRoute(.get, "\(path)/{id}") { call in
        let id = try call.id(upTo: .max)
        return Response(json: Self.json(try await answer { try await $0.failure(id) }))
      },
      APIRoute(.post, "\(path)/{id}/retry") { call in
        let id = try call.id(upTo: .max)
        _ = try await call.object(knows: [], isOptional: true)
        let record = try await answer { try await $0.retryFailure(id) }
        return Response(
          ["id": .integer(id), "subscription": .integer(record.subscription), "job_id": .string(record.jobID)],
          status: .accepted)
      },
    ]
  }

  private static func members(_ record: FailureRecord) -> [String: JSONValue] {
    [
      "id": .integer(record.id), "subscription": .integer(record.subscription), "topic": .string(record.topic),
      "job_id": .string(record.jobID), "state": .string(record.state.rawValue),
      "time": .integer(Int(clamping: record.time)), "message_time": .double(record.messageTime),
      "first_failure": .string(record.firstFailure), "last_failure": .string(record.lastFailure),
      "target": .string(record.target), "retry_times": .integer(Int(clamping: record.retryTimes)),
      "last_retry_time": .integer(Int(clamping: record.lastRetryTime)),
    ]
  }

  /// With the message as the row has it, byte for byte, if that is JSON; as a string otherwise.
  private static func json(_ record: FailureRecord) -> [UInt8] {
    var members = members(record)
    guard let text = record.message else {
      members["message"] = .null
      return JSONValue.object(members).bytes
    }
    let message = Array(text.utf8)
    guard (try? JSONValue(parsing: message)) != nil else {
      members["message"] = .null
      members["message_text"] = .string(text)
      return JSONValue.object(members).bytes
    }
    return JSONValue.object(members).bytes.dropLast() + Array(#","message":"#.utf8) + message + [UInt8(ascii: "}")]
  }
}
