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

  /// Puts a dispatcher together; nothing is started.
  public init(
    configuration: DispatcherConfiguration, queue: any MessageQueue, pusher: any Pusher,
    subscriptions: any SubscriptionStore, dataLog: any DataLog, logger: Logger = Logger(label: "medispatcher")
  ) {
    runner = EngineRunner(
      configuration: configuration, queue: queue, pusher: pusher, subscriptions: subscriptions, dataLog: dataLog,
      logger: logger)
  }

  /// - Throws: `LoopError` if the system has no thread or descriptor left; nothing else.
  public func run() async throws { try await runner.run() }
}

/// The first half of a ``Dispatcher`` alone: main queue → channels, for whoever takes from the channels by other means.
public struct Redistributor: Service {
  private let runner: EngineRunner

  /// Puts a redistributor together; nothing is started.
  public init(
    configuration: DispatcherConfiguration, queue: any MessageQueue, subscriptions: any SubscriptionStore,
    dataLog: any DataLog, logger: Logger = Logger(label: "medispatcher")
  ) {
    runner = EngineRunner(
      configuration: configuration, queue: queue, pusher: nil, subscriptions: subscriptions, dataLog: dataLog,
      logger: logger)
  }

  /// Works until its task is cancelled, or its ServiceGroup shuts down.
  public func run() async throws { try await runner.run() }
}

/// Gives an engine its loop, and stops it with the service.
private struct EngineRunner: Sendable {
  let configuration: DispatcherConfiguration
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
            configuration, actor: actor, queue: queue, pusher: pusher, subscriptions: subscriptions, dataLog: dataLog,
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
