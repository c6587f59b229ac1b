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
      configuration: configuration, queue: queue, pusher: pusher, subscriptions: subscriptions, dataLog: dataLog,
      logger: logger)
  }

  /// - Throws: ``LoopError`` if the system has no thread or descriptor left; nothing else.
  public func run() async throws { try await runner.run() }

  /// What it looks like at this moment, taken on its loop between other work; nil while it isn't running.
  public func state() async -> DispatcherState? { await runner.state() }
}

/// The first half of a ``Dispatcher`` alone: main queue → channels, for whoever takes from the channels by other means.
public struct Redistributor: Service {
  private let runner: EngineRunner

  public init(
    configuration: DispatcherConfiguration, queue: any MessageQueue, subscriptions: any SubscriptionStore,
    dataLog: any DataLog, logger: Logger = Logger(label: "medispatcher")
  ) {
    runner = EngineRunner(
      configuration: configuration, queue: queue, pusher: nil, subscriptions: subscriptions, dataLog: dataLog,
      logger: logger)
  }

  public func run() async throws { try await runner.run() }

  /// As ``Dispatcher/state()``; there are no lanes.
  public func state() async -> DispatcherState? { await runner.state() }
}

/// Gives an engine its loop, and stops it with the service.
private struct EngineRunner: Sendable {
  let configuration: DispatcherConfiguration
  let queue: any MessageQueue
  let pusher: (any Pusher)?
  let subscriptions: any SubscriptionStore
  let dataLog: any DataLog
  let logger: Logger
  private let door = EngineDoor()

  init(
    configuration: DispatcherConfiguration, queue: any MessageQueue, pusher: (any Pusher)?,
    subscriptions: any SubscriptionStore, dataLog: any DataLog, logger: Logger
  ) {
    self.configuration = configuration
    self.queue = queue
    self.pusher = pusher
    self.subscriptions = subscriptions
    self.dataLog = dataLog
    self.logger = logger
  }

  func state() async -> DispatcherState? {
    guard var state = await door.state() else { return nil }
    state.time = Double(RecordTime.now().microseconds) / 1_000_000
    state.processUptimeSeconds = ProcessStatistics.uptime
    state.residentBytes = ProcessStatistics.residentBytes
    state.dataLog = dataLog.condition.map { DataLogState($0) }
    return state
  }

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
          door.open(engine, on: actor)
          await engine.run(until: stop)
          door.close()
        }
      } onGracefulShutdown: {
        stop.raise()
      }
    } onCancel: {
      stop.raise()
    }
  }
}
