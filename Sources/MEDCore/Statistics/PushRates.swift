/// Pushes that have ended, by the whole second in which they did. Those that a stop has cut off don't count.
///
/// Seconds are whole ones since the dispatcher began; the present one isn't counted yet. Minutes and ten minutes begin with
/// it too, so that the longer windows are built of finished sums: they end with the last whole second, and begin with a
/// minute, or ten minutes. Each window is part of the next longer one.
///
/// | Window | Covers |
/// |---|---|
/// | second | the last whole second |
/// | 10 seconds, minute | the last 10, 60 whole seconds |
/// | hour | the minute of the last whole second so far, and the 59 before it |
/// | day | the ten minutes of the last whole second so far, and the 143 before them |
public struct PushRates: Codable, Sendable, Equatable {
  /// Delivered and failed ones, in the last whole second.
  public var pushesLastSecond = 0
  /// Failed ones among them.
  public var failuresLastSecond = 0
  /// Delivered and failed ones, in the last ten whole seconds: divide by ten for a rate.
  public var pushesLast10Seconds = 0
  /// Failed ones among them.
  public var failuresLast10Seconds = 0
  /// Delivered and failed ones, in the last sixty whole seconds.
  public var pushesLastMinute = 0
  /// Failed ones among them.
  public var failuresLastMinute = 0
  /// Delivered and failed ones, in the last 59 to 60 minutes.
  public var pushesLastHour = 0
  /// Failed ones among them.
  public var failuresLastHour = 0
  /// Delivered and failed ones, in the last 23 hours and 50 minutes to 24 hours.
  public var pushesLastDay = 0
  /// Failed ones among them.
  public var failuresLastDay = 0

  /// No pushes.
  public init() {}

  static func + (a: PushRates, b: PushRates) -> PushRates {
    var sum = a
    sum.pushesLastSecond += b.pushesLastSecond
    sum.failuresLastSecond += b.failuresLastSecond
    sum.pushesLast10Seconds += b.pushesLast10Seconds
    sum.failuresLast10Seconds += b.failuresLast10Seconds
    sum.pushesLastMinute += b.pushesLastMinute
    sum.failuresLastMinute += b.failuresLastMinute
    sum.pushesLastHour += b.pushesLastHour
    sum.failuresLastHour += b.failuresLastHour
    sum.pushesLastDay += b.pushesLastDay
    sum.failuresLastDay += b.failuresLastDay
    return sum
  }
}
