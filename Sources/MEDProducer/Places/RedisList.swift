import MEDRedis

/// The list on one Redis.
///
/// One pipeline is under way at a time, and what comes meanwhile leaves together with the next. If one fails, those that
/// wait fail with it, unsent: a Redis that hangs costs nobody more than one time-out after the other.
actor RedisList: RecoverList {
  /// A pipeline that has so many bytes takes no further push.
  private static let fullAt = 4 << 20

  nonisolated let place: String
  private let client: RedisClient
  private let list: [UInt8]
  private var waiting: [Waiting] = []
  private var isBusy = false

  private struct Waiting {
    let command: RedisCommand
    let bytes: Int
    let continuation: CheckedContinuation<RecoverListOutcome, Never>
  }

  private init(_ client: RedisClient, place: String, list: String) {
    self.client = client
    self.place = place
    self.list = Array(list.utf8)
  }

  /// One for each server of `configuration`.
  static func all(_ configuration: RecoverListConfiguration) throws(ProducerError) -> [any RecoverList] {
    var lists: [any RecoverList] = []
    for server in configuration.servers {
      guard let address = RedisAddress(parsing: server) else {
        throw ProducerError(.badConfiguration, "recover list: \"\(server)\" is no host:port")
      }
      let redis = RedisConfiguration(
        addresses: [address], password: configuration.password, databaseIndex: configuration.database,
        connectTimeout: configuration.timeout, replyTimeout: configuration.timeout)
      do throws(RedisError) {
        lists.append(
          RedisList(
            try RedisClient(redis, name: "recover-list"), place: "\(address)", list: configuration.list))
      } catch {
        throw ProducerError(.badConfiguration, "recover list: \(error)", cause: error)
      }
    }
    return lists
  }

  func push(_ entries: [[UInt8]]) async -> RecoverListOutcome {
    await withCheckedContinuation { continuation in
      waiting.append(
        Waiting(
          command: RedisCommand(words: [Array("LPUSH".utf8), list] + entries),
          bytes: entries.reduce(0) { $0 + $1.count }, continuation: continuation))
      guard !isBusy else { return }
      isBusy = true
      Task { await self.work() }
    }
  }

  private func work() async {
    while !waiting.isEmpty {
      let pushes = nextPushes()
      do throws(RedisError) {
        answer(pushes, try await client.pipeline(pushes.map(\.command)), rest: .unanswered("no answer"))
      } catch {
        let isSent = error.code != .unavailable && error.code != .closed
        answer(pushes, error.answers, rest: isSent ? .unanswered(error.message) : .refused(error.message))
        answer(waiting, [], rest: .refused("not sent: \(error.message)"))
        waiting = []
      }
    }
    isBusy = false
  }

  private func nextPushes() -> [Waiting] {
    var bytes = 0
    let pushes = waiting.prefix { push in
      defer { bytes += push.bytes }
      return bytes < Self.fullAt
    }
    waiting.removeFirst(pushes.count)
    return Array(pushes)
  }

  private func answer(_ pushes: [Waiting], _ answers: [RedisValue], rest: RecoverListOutcome) {
    for (index, push) in pushes.enumerated() {
      guard index < answers.count else {
        push.continuation.resume(returning: rest)
        continue
      }
      push.continuation.resume(
        returning: answers[index].error.map { .refused("answered \($0.message)") } ?? .pushed)
    }
  }

  func close() { client.close() }
}
