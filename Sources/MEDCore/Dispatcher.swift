import Logging
import MEDLoop
import ServiceLifecycle

/// Takes messages from a main queue, copies each into the channels of its topic's subscriptions, and pushes every channel
/// to its subscriber (SPEC §1). Delivery is at least once: nothing is deleted before its next home is confirmed.
///
/// ```swift
/// let dispatcher = Dispatcher(
///   configuration: .init(mainQueue: TubeName("events")!),
///   queue: BeanstalkQueue(servers: ["127.0.0.1:11300"]),
///   pusher: CurlPusher(),
///   subscriptions: FixedSubscriptions([…]),
///   dataLog: FileDataLog(directory: "log"))
/// try await dispatcher.run()
/// ```
///
/// ``run()`` returns after a graceful shutdown (or a cancellation, which counts as one): what is in flight is finished,
/// the rest given back to its tubes.
public struct Dispatcher: Service {
  private let runner: EngineRunner

  public init(
    configuration: DispatcherConfiguration, queue: any MessageQueue, pusher: any Pusher,
    subscriptions: any SubscriptionStore, dataLog: any DataLog, logger: Logger = Logger(label: "medispatcher")
  ) {
    runner = EngineRunner(
      changes: ConfigurationChanges(configuration), queue: queue, pusher: pusher, subscriptions: subscriptions,
      dataLog: dataLog,
      logger: logger)
  }

  /// - Throws: ``LoopError`` if the system has no thread or descriptor left; nothing else.
  public func run() async throws { try await runner.run() }

  /// Puts a changed configuration in force, while it runs or before; may be called from anywhere at any time.
  ///
  /// Of the configuration only what is marked live in ``DispatcherConfiguration`` is taken while it runs; the rest stays
  /// as it was at the start. Pushes in flight end as they began, the next ones follow the new state. No message is lost,
  /// given back or pushed twice by it. Of several that come at once the newest counts.
  ///
  /// Returns when it is in force: at once while it doesn't run. When ``run()`` has ended nothing follows from it.
  public func reconfigure(_ configuration: DispatcherConfiguration) async { await runner.changes.submit(configuration) }
}

/// The first half of a ``Dispatcher`` alone: main queue → channels, for whoever takes from the channels by other means.
public struct Redistributor: Service {
  private let runner: EngineRunner

  public init(
    configuration: DispatcherConfiguration, queue: any MessageQueue, subscriptions: any SubscriptionStore,
    dataLog: any DataLog, logger: Logger = Logger(label: "medispatcher")
  ) {
    runner = EngineRunner(
      changes: ConfigurationChanges(configuration), queue: queue, pusher: nil, subscriptions: subscriptions,
      dataLog: dataLog,
      logger: logger)
  }

  public func run() async throws { try await runner.run() }

  /// As ``Dispatcher/reconfigure(_:)``.
  public func reconfigure(_ configuration: DispatcherConfiguration) async { await runner.changes.submit(configuration) }
}

/// Gives an engine its loop, and stops it with the service.
private struct EngineRunner: Sendable {
  let changes: ConfigurationChanges
  let queue: any MessageQueue
  let pusher: (any Pusher)?
  let subscriptions: any SubscriptionStore
  let dataLog: any DataLog
  let logger: Logger

  func run() async throws {
    let loop = try EventLoop.start(name: "medispatcher")
    defer { loop.stop() }
    let stop = StopSignal()
    await withTaskCancellationHandler {
      await withGracefulShutdownHandler {
        await LoopActor(loop: loop).run { actor in
          let engine = Engine(
            changes, actor: actor, queue: queue, pusher: pusher, subscriptions: subscriptions, dataLog: dataLog,
            logger: logger)
          await engine.run(until: stop)
        }
      } onGracefulShutdown: {
        stop.raise()
      }
    } onCancel: {
      stop.raise()
    }
  }
}
