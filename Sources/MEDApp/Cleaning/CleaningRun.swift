import Logging
import MEDBeanstalk
import MEDCore
import MEDCurl
import MEDLoop

/// One tube on some queue servers, side by side.
struct CleaningRun: Sendable {
  /// How long a server is waited for at the beginning.
  private static let patience = Duration.seconds(10)

  private let request: CleanRequest
  private let configuration: HTTPClientConfiguration
  private let interval: Duration
  private let limit: Duration
  private let logger: Logger

  /// - Parameters:
  ///   - interval: between two callbacks that tell of progress.
  ///   - limit: it ends after this time, whatever is left.
  init(
    _ request: CleanRequest, _ configuration: HTTPClientConfiguration, interval: Duration, limit: Duration,
    _ logger: Logger
  ) {
    self.request = request
    self.interval = interval
    self.limit = limit
    self.configuration = configuration
    var logger = logger
    logger[metadataKey: LogKey.tube] = "\(request.tube)"
    self.logger = logger
  }

  func run() async {
    let loop: EventLoop
    do throws(LoopError) {
      loop = try EventLoop.start(name: "cleaning")
    } catch {
      return logger.error("a queue can't be cleaned", metadata: [LogKey.error: "\(error)"])
    }
    let caller = request.callback.map { CleaningCallback($0, configuration, logger, loop) }
    let teller = Task {
      while (try? await Task.sleep(for: interval)) != nil { await caller?.tell(.process, tries: 1) }
    }
    let outcomes = await outcomes(on: loop)
    teller.cancel()
    await teller.value
    report(outcomes)
    // A stop isn't held up by it: whoever asked learns from the missing call that it isn't done.
    if !Task.isCancelled { await caller?.tell(.done, tries: 3) }
    await caller?.close()
    loop.stop()
  }

  private struct Outcome: Sendable {
    let server: QueueServerAddress
    var deleted = 0
    var problem: String?
  }

  private func outcomes(on loop: EventLoop) async -> [Outcome] {
    await withTaskGroup(of: Outcome.self) { group in
      for server in request.servers { group.addTask { await clean(server, on: loop) } }
      return await group.reduce(into: []) { $0.append($1) }
    }
  }

  private func clean(_ server: QueueServerAddress, on loop: EventLoop) async -> Outcome {
    var outcome = Outcome(server: server)
    let deleted = Locked(0)
    let end = ContinuousClock.now + limit
    do {
      let client = try await BeanstalkClient.connect(
        to: server, configuration: .forTools, loop: loop, patience: Self.patience)
      do {
        try await withTaskCancellationHandler {
          _ = try await client.clean(request.tube) { count in
            deleted.withLock { $0 = count }
            return !Task.isCancelled && ContinuousClock.now < end
          }
        } onCancel: {
          // A stop waits for no server that hangs.
          Task { await client.close(within: .zero) }
        }
      } catch {
        await client.close(within: .zero)
        throw error
      }
      await client.close(within: .seconds(1))
      if ContinuousClock.now >= end { outcome.problem = "it was ended after \(limit)" }
    } catch {
      outcome.problem = "\(error)"
    }
    if Task.isCancelled { outcome.problem = "the dispatcher stops" }
    outcome.deleted = deleted.withLock { $0 }
    return outcome
  }

  private func report(_ outcomes: [Outcome]) {
    for outcome in outcomes {
      let metadata: Logger.Metadata = [
        LogKey.queueServer: "\(outcome.server)", LogKey.count: "\(outcome.deleted)",
      ]
      if let problem = outcome.problem {
        logger.warning(
          "a queue wasn't cleaned to the end", metadata: metadata.merging([LogKey.reason: "\(problem)"]) { $1 })
      } else {
        logger.info("a queue was cleaned", metadata: metadata)
      }
    }
  }
}
