import MEDBeanstalk
import MEDCore
import MEDTestSupport
import Testing

/// Runs `body` with a client that is connected to `address`, and closes it.
func withClient<Result: Sendable>(
  _ address: String, _ configuration: BeanstalkConfiguration = .init(),
  _ body: @Sendable (BeanstalkClient) async throws -> Result
) async throws -> Result {
  let client = try await BeanstalkClient.connect(
    to: QueueServerAddress(parsing: address), configuration: configuration, patience: .seconds(20))
  do {
    let result = try await body(client)
    await client.close(within: .seconds(2))
    return result
  } catch {
    await client.close(within: .zero)
    throw error
  }
}

/// A proxy that replaces `text` by `other` wherever it comes by in one piece.
func replacing(
  _ server: BeanstalkdServer, _ text: String, _ other: String, _ direction: Direction = .toClient
) throws -> FaultProxy {
  let proxy = try FaultProxy(to: server)
  proxy.add(
    .custom(direction) { piece in
      let pattern = Array(text.utf8)
      guard let range = piece.firstRange(of: pattern) else { return .forward }
      return .replace(Array(piece[..<range.lowerBound] + Array(other.utf8) + piece[range.upperBound...]))
    })
  return proxy
}

extension BeanstalkConsumer {
  /// One job, within a time that is long enough for any machine.
  func one() async throws -> Reservation {
    guard case .reserved(let jobs) = try await reserve(within: .seconds(30)), let job = jobs.first else {
      throw Missing(description: "a job is reserved")
    }
    return job
  }
}

extension Reservation {
  var text: String { String(decoding: body, as: UTF8.self) }
}

var quickReconnects: BeanstalkConfiguration {
  var configuration = BeanstalkConfiguration()
  configuration.backoff = .milliseconds(2)...Duration.milliseconds(20)
  return configuration
}

/// Expects an error of that code, and returns it.
@discardableResult
func expectFailure(
  _ code: BeanstalkError.Code, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async -> BeanstalkError? {
  let error = await #expect(throws: BeanstalkError.self, sourceLocation: sourceLocation) { try await body() }
  #expect(error?.code == code, sourceLocation: sourceLocation)
  return error
}
