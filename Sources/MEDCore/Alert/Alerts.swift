import DequeModule
import Logging
import MEDLoop
import ServiceLifecycle

/// Takes alerts and brings them to people over gateways (SPEC §15). May be called from anywhere.
///
/// A gateway has its own queue and its own few tasks, so that one which hangs holds up neither another one nor the
/// dispatcher, which only puts into a queue. An alert that a gateway doesn't take is tried again twice; then it goes to the
/// error log with its text, as do those that wait when the dispatcher stops.
///
/// It works while ``run()`` does, which must outlive the dispatcher's.
public final class Alerts: Service {
  /// Recipients that wait for one gateway at most, so that one which hangs takes no room of the others; an alert that finds
  /// room nowhere is dropped, counted and logged.
  public static let bound = 1_000
  /// Alerts that are remembered.
  public static let recentBound = 200
  /// Recipients that one gateway is asked for at a time.
  static let width = 4

  /// When it is tried again, and how long it may take to send the rest when stopping.
  public struct Timing: Sendable {
    /// Before the second try, and before the third.
    public var pauses = [Duration.seconds(1), .seconds(5)]
    /// For what waits at a stop.
    public var stop = Duration.seconds(2)

    /// As dispatchers have it.
    public init() {}
  }

  /// One recipient's part of an alert, in a queue.
  struct Errand: Sendable {
    let number: UInt64
    let place: Int
    let parcel: AlertParcel
  }

  struct State {
    var isClosed = false
    /// The time is over that a stop gives.
    var isLate = false
    var settings: AlertSettings
    var counters = AlertsState()
    var number: UInt64 = 0
    /// Those that aren't with all of their recipients: ``Alerts/bound`` of each way at most.
    var underWay: [UInt64: AlertRecord] = [:]
    /// The others: ``Alerts/recentBound`` at most.
    var over: Deque<AlertRecord> = []
    var queues: [AlertWay: Deque<Errand>] = [:]
    /// Recipients of whom it isn't known yet.
    var waiting: [AlertWay: Int] = [:]
    /// Tasks that work on a queue.
    var workers: [AlertWay: Int] = [:]
    /// Gateways whose latest alert came to nothing: they get one try until they take one.
    var failing: Set<AlertWay> = []
    var dropReport = SparseReport<Bool>(every: .seconds(1))
    var idle: CheckedContinuation<Void, Never>?
  }

  let gateways: AlertGateways
  let timing: Timing
  let logger: Logger
  let state: Locked<State>
  /// Calls for one more worker.
  let calls: AsyncStream<AlertWay>
  let caller: AsyncStream<AlertWay>.Continuation
  private let defaults: DefaultAlarms?

  /// - Parameters:
  ///   - gateways: the ways on which alerts go out.
  ///   - settings: of the configuration; see ``configure(_:)``.
  ///   - defaults: what commands have set, which wins over them; nil: nobody sets anything.
  ///   - timing: when it tries again.
  ///   - logger: where it tells what happens.
  public init(
    _ gateways: AlertGateways, settings: AlertSettings = AlertSettings(), defaults: DefaultAlarms? = nil,
    timing: Timing = Timing(), logger: Logger = Logger(label: "alerts")
  ) {
    self.gateways = gateways
    self.defaults = defaults
    self.timing = timing
    self.logger = logger
    state = Locked(State(settings: settings))
    // At most `width` calls for each way are open at a time.
    (calls, caller) = AsyncStream.makeStream()
  }

  /// Puts changed settings in force, for what is raised from then on.
  public func configure(_ settings: AlertSettings) { state.withLock { $0.settings = settings } }

  /// In force: the configuration's with what commands have set.
  public var settings: AlertSettings {
    let settings = state.withLock { $0.settings }
    return defaults.map { settings.overlaid(by: $0.current) } ?? settings
  }

  /// How it does; of ``AlertsState/suppressed`` the dispatcher knows.
  public var condition: AlertsState { state.withLock { $0.counters } }

  /// The latest alerts, tests too, the latest first.
  public func recent(_ limit: Int = recentBound) -> [AlertRecord] {
    let all = state.withLock { Array($0.underWay.values) + Array($0.over) }
    return Array(all.sorted { $0.number > $1.number }.prefix(min(max(0, limit), Self.recentBound)))
  }

  /// Takes an alert; never waits. Whether there has been one of its kind a moment ago is the caller's to know.
  public func raise(_ alert: Alert) {
    let settings = settings
    let route = AlertRoute(alert, over: gateways.configured, settings)
    var alert = alert
    if let note = route.note { alert.content += "\n" + note }
    let parcels = route.stops.map { AlertParcel(alert, to: $0.recipient, over: settings.channel) }
    let verdict = state.withLock { $0.take(alert, route, parcels, now: .now) }
    switch verdict {
    case .queued(let ways):
      for way in ways { caller.yield(way) }
    case .unaddressed: tell(.warning, "an alert has nobody who could get it", alert)
    case .dropped(let count):
      guard let count else { return }
      tell(.error, "too many alerts wait, some were dropped", alert, [LogKey.count: "\(count)"])
    case .closed: tell(.error, "an alert came too late to be sent", alert)
    }
  }

  func tell(
    _ level: Logger.Level, _ message: Logger.Message, _ alert: Alert, _ metadata: Logger.Metadata = [:]
  ) {
    var metadata = metadata
    metadata[LogKey.alert] = "\(alert.kind.rawValue)"
    metadata[LogKey.subscription] = alert.subscription.map { "\($0)" }
    metadata[LogKey.topic] = alert.topic.map { "\($0)" }
    // What got lost, or may get lost, is in the log.
    if level >= .warning { metadata[LogKey.text] = "\(alert.subject): \(alert.content)" }
    logger.log(level: level, message, metadata: metadata)
  }
}

extension Alerts.State {
  enum Verdict {
    /// More workers are needed, on these ways.
    case queued(calls: [AlertWay])
    case unaddressed
    /// So many are to be told of; nil: it was told a moment ago.
    case dropped(Int?)
    case closed
  }

  mutating func take(
    _ alert: Alert, _ route: AlertRoute, _ parcels: [AlertParcel], now: ContinuousClock.Instant
  ) -> Verdict {
    counters.raised += 1
    var record = AlertRecord(nextNumber(), alert)
    record.deliveries =
      route.stops.map { AlertDelivery($0) }
      + route.missing.map { AlertDelivery($0, problem: AlertDelivery.noGateway) }
    guard !parcels.isEmpty else {
      end(record, .unaddressed)
      return .unaddressed
    }
    guard !isClosed else {
      end(record, .failed)
      return .closed
    }
    var calls: [AlertWay] = []
    for (place, parcel) in parcels.enumerated() {
      let way = route.stops[place].way
      guard waiting[way, default: 0] < Alerts.bound else {
        record.deliveries[place].problem = AlertDelivery.tooMany
        continue
      }
      record.unsettled += 1
      waiting[way, default: 0] += 1
      queues[way, default: []].append(Alerts.Errand(number: record.number, place: place, parcel: parcel))
      guard workers[way, default: 0] < Alerts.width else { continue }
      workers[way, default: 0] += 1
      calls.append(way)
    }
    guard record.unsettled > 0 else {
      end(record, .dropped)
      return .dropped(dropReport.happened(true, now: now))
    }
    underWay[record.number] = record
    counters.waiting = underWay.count
    return .queued(calls: calls)
  }

  /// Nothing more will become of it.
  mutating func end(_ record: AlertRecord, _ how: AlertRecord.State) {
    var record = record
    record.state = how
    underWay[record.number] = nil
    counters.waiting = underWay.count
    switch how {
    case .waiting: break
    case .sent: counters.sent += 1
    case .failed: counters.failed += 1
    case .unaddressed: counters.unaddressed += 1
    case .dropped: counters.dropped += 1
    }
    remember(record)
  }

  mutating func remember(_ record: AlertRecord) {
    if over.count >= Alerts.recentBound { over.removeFirst() }
    over.append(record)
  }

  mutating func nextNumber() -> UInt64 {
    number += 1
    return number
  }
}
