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
  let runner: EngineRunner

  /// Puts a dispatcher together; nothing is started.
  ///
  /// - Parameters:
  ///   - configuration: how it works from its start on; what is live may be changed by ``reconfigure(_:)``.
  ///   - queue: the queue servers, each of which is served on its own.
  ///   - pusher: carries messages to subscribers.
  ///   - subscriptions: who gets what; asked again and again while it runs.
  ///   - dataLog: takes records, of which some stand for the only copy of a message. It must outlive ``run()``, and is
  ///     closed by whoever made it, after it; the same goes for `dropLog`.
  ///   - dropLog: takes what drop policies keep out of channels and record (`DropMessageThresholdAction` 1), see
  ///     ``FileDropLog``; nil: the DATA log does.
  ///   - failureLog: keeps a row for every message that has failed; nil for none.
  ///   - alerts: where what people should know is told; nil for nobody. Its ``Alerts/run()`` must outlive this one.
  ///   - recoverLists: where producers leave messages that no queue server took; nil for none. Closed when ``run()`` ends.
  ///   - recovery: how these are emptied.
  ///   - logger: where it tells what happens, with the keys of ``LogKey``; never a message's body.
  public init(
    configuration: DispatcherConfiguration, queue: any MessageQueue, pusher: any Pusher,
    subscriptions: any SubscriptionStore, dataLog: any DataLog, dropLog: (any DataLog)? = nil,
    failureLog: (any FailureLog)? = nil, alerts: Alerts? = nil, recoverLists: (any RecoverLists)? = nil,
    recovery: RecoveryConfiguration = RecoveryConfiguration(), logger: Logger = Logger(label: "medispatcher")
  ) {
    runner = EngineRunner(
      configuration,
      EngineParts(
        queue: queue, pusher: pusher, subscriptions: subscriptions, dataLog: dataLog, dropLog: dropLog,
        failureLog: failureLog, alerts: alerts, recoverLists: recoverLists, recovery: recovery, logger: logger))
  }

  /// - Throws: `LoopError` if the system has no thread or descriptor left; nothing else.
  public func run() async throws { try await runner.run() }

  /// What it looks like at this moment, taken on its loop between other work; nil while it isn't running.
  public func state() async -> DispatcherState? { await runner.state() }

  /// The same without the list of lanes: cheap enough for who asks often.
  public func summary() async -> DispatcherState? { await runner.state(lanes: 0) }

  /// Everything worth watching, for a monitoring system; nil while it isn't running. Asks no queue server.
  public func metrics() async -> DispatcherMetrics? { await runner.metrics() }

  /// Its pushes by topic and subscription; nil while it isn't running.
  public func pushStatistics() async -> PushStatistics? {
    await runner.door.enter { await $0.pushStatistics() }.map { PushStatistics($0) }
  }

  /// Returns when the loop has had its turn; false if it isn't running. A loop that hangs doesn't answer.
  public func isTurning() async -> Bool { await runner.door.enter { _ in true } ?? false }

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

  /// Puts a redistributor together; nothing is started.
  ///
  /// - Parameters:
  ///   - configuration: how it works; what is about pushing isn't used.
  ///   - queue: the queue servers, all of which are taken from; copies are spread over those that can be reached.
  ///   - subscriptions: who gets what; asked again and again while it runs.
  ///   - dataLog: takes records of messages that have no other home. It must outlive ``run()``, and is closed by whoever
  ///     made it, after it; the same goes for `dropLog`.
  ///   - dropLog: takes what drop policies keep out of channels; nil: the DATA log does.
  ///   - logger: where it tells what happens, with the keys of ``LogKey``; never a message's body.
  public init(
    configuration: DispatcherConfiguration, queue: any MessageQueue, subscriptions: any SubscriptionStore,
    dataLog: any DataLog, dropLog: (any DataLog)? = nil, logger: Logger = Logger(label: "medispatcher")
  ) {
    runner = EngineRunner(
      configuration,
      EngineParts(queue: queue, subscriptions: subscriptions, dataLog: dataLog, dropLog: dropLog, logger: logger))
  }

  /// Works until its task is cancelled, or its ServiceGroup shuts down.
  public func run() async throws { try await runner.run() }

  /// As ``Dispatcher/state()``; there are no lanes.
  public func state() async -> DispatcherState? { await runner.state() }

  /// As ``Dispatcher/metrics()``; there are no pushes.
  public func metrics() async -> DispatcherMetrics? { await runner.metrics() }

  /// As ``Dispatcher/reconfigure(_:)``.
  public func reconfigure(_ configuration: DispatcherConfiguration) async { await runner.changes.submit(configuration) }
}
