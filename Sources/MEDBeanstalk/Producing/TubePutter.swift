import MEDCore
import MEDLoop

/// Puts into one tube of one server, from anywhere, without ever watching it: what producers stand on.
///
/// Puts that come together leave together. The connection comes back by itself; what is put meanwhile ends as
/// `.unavailable` at once.
package final class TubePutter: Sendable {
  /// The server.
  package let address: QueueServerAddress
  private let actor: LoopActor
  nonisolated(unsafe) private let connection: PutConnection  // why: touched on the loop of `actor` alone

  /// Begins to connect, and returns at once.
  /// - Parameter actor: where its socket lives; its loop must outlive the putter.
  package static func start(
    _ address: QueueServerAddress, tube: TubeName, configuration: BeanstalkConfiguration, on actor: LoopActor
  ) async -> TubePutter {
    await actor.run { actor in
      let endpoint = Endpoint(
        actor: actor, address: address, configuration: configuration, readBuffer: ReadBuffer())
      return TubePutter(PutConnection(endpoint, tube: tube), actor)
    }
  }

  private init(_ connection: PutConnection, _ actor: LoopActor) {
    self.connection = connection
    self.actor = actor
    address = connection.endpoint.address
  }

  deinit { connection.link.stopFromAnywhere() }

  /// Stores jobs, all with one write; one outcome for each, in order. Their tubes are left out of account.
  package func put(_ puts: [Put]) async -> [PutOutcome] {
    await actor.run { _ in await self.connection.put(puts) }
  }

  /// How it is with the server.
  package struct Condition: Sendable {
    /// Whether puts can be sent.
    package let isReachable: Bool
    /// What went wrong last, also if it is mended.
    package let latestError: BeanstalkError
    /// What a job may have in bytes, as far as the server has ever told.
    package let maxJobSize: Int?

    fileprivate init(_ connection: PutConnection) {
      isReachable = connection.connection != nil
      latestError = connection.latestError
      maxJobSize = connection.maxJobSize
    }
  }

  /// How it is with the server now.
  package var condition: Condition {
    get async { await actor.run { _ in Condition(self.connection) } }
  }

  /// How it is with the server once the first attempt to connect has ended, or took too long.
  package func firstConnect() async -> Condition {
    await actor.run { _ in
      await self.connection.waitForFirstConnect()
      return Condition(self.connection)
    }
  }

  /// Ends the connection once what has been asked is answered, at the latest after `limit`.
  package func close(within limit: Duration) async {
    await actor.run { _ in await self.connection.close(within: limit) }
  }
}
