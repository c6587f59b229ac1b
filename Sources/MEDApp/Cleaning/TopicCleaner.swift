import Logging
import MEDBeanstalk
import MEDCore
import MEDCurl
import MEDLoop
import ServiceLifecycle

/// Empties tubes on command (SPEC §12), some at a time, each over connections and a loop of its own.
///
/// What has begun ends with the process: nothing of it is kept, and what was deleted until then stays so.
final class TopicCleaner: QueueCleaner, Service {
  /// Cleanings at a time; past them a command is refused.
  static let bound = 8

  private struct State {
    var isOpen = true
    var running: [String] = []
  }

  private let configuration: HTTPClientConfiguration
  private let interval: Duration
  private let limit: Duration
  private let logger: Logger
  private let state = Locked(State())
  private let requests: AsyncStream<CleanRequest>
  private let inlet: AsyncStream<CleanRequest>.Continuation

  /// - Parameters:
  ///   - callbacks: how callbacks are made: what may be reached, and by which way.
  ///   - interval: between two callbacks that tell of progress.
  ///   - limit: a cleaning ends after this time, whatever is left.
  init(
    callbacks: HTTPClientConfiguration, interval: Duration = .seconds(5), limit: Duration = .seconds(300),
    logger: Logger
  ) {
    configuration = callbacks
    self.interval = interval
    self.limit = limit
    self.logger = logger
    (requests, inlet) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.bound))
  }

  func begin(_ request: CleanRequest) async throws(ControlError) {
    let tube = request.tube.description
    let refusal = state.withLock { state -> ControlError? in
      guard state.isOpen else { return ControlError(.unavailable, "the dispatcher stops") }
      guard !state.running.contains(tube) else { return ControlError(.busy, "\(tube) is being cleaned already") }
      guard state.running.count < Self.bound else {
        return ControlError(.busy, "\(Self.bound) queues are being cleaned: \(state.running.joined(separator: ", "))")
      }
      state.running.append(tube)
      return nil
    }
    if let refusal { throw refusal }
    inlet.yield(request)
  }

  func run() async {
    await cancelWhenGracefulShutdown {
      await withDiscardingTaskGroup { group in
        for await request in self.requests {
          group.addTask {
            await CleaningRun(
              request, self.configuration, interval: self.interval, limit: self.limit, self.logger
            ).run()
            self.state.withLock { $0.running.removeAll { $0 == request.tube.description } }
          }
        }
        group.cancelAll()
      }
    }
    state.withLock { $0.isOpen = false }
  }
}
