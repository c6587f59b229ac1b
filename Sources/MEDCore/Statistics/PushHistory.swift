/// Counts pushes by the second, and remembers them for a day: the present second apart, then by seconds, minutes and ten
/// minutes (SPEC §9). What each window covers: ``PushRates``.
///
/// Cheap enough for every push: two additions. All else happens once a second in which there are pushes. Seconds come from
/// outside (``EngineContext/second``), so that no clock is asked.
///
/// Bound: 60 seconds, 60 minutes and 144 times ten minutes, of which only those with pushes take memory; some 5 KB at most,
/// 100 bytes when nothing was pushed for a day.
struct PushHistory {
  private static let seconds = 60
  private static let minutes = 60
  private static let minuteLength = 60
  private static let parts = 144
  private static let partLength = 600

  private var present = PushSum()
  private var latest = 0
  private var bySecond = PushBuckets()
  private var byMinute = PushBuckets()
  private var byPart = PushBuckets()
  /// Before the latest second.
  private var earlierPushes: UInt64 = 0
  private var earlierFailures: UInt64 = 0

  /// All that were ever counted.
  var pushes: UInt64 { earlierPushes + UInt64(present.pushes) }
  /// Failed ones among them.
  var failures: UInt64 { earlierFailures + UInt64(present.failures) }

  /// A push has ended in `second`, which never goes back.
  mutating func count(isFailure: Bool, in second: Int) {
    if second > latest { advance(to: second) }
    present.pushes &+= 1
    if isFailure { present.failures &+= 1 }
  }

  private mutating func advance(to second: Int) {
    if present.pushes > 0 {
      bySecond.add(present, in: latest, keeping: Self.seconds)
      byMinute.add(present, in: latest / Self.minuteLength, keeping: Self.minutes)
      byPart.add(present, in: latest / Self.partLength, keeping: Self.parts)
      earlierPushes += UInt64(present.pushes)
      earlierFailures += UInt64(present.failures)
      present = PushSum()
    }
    latest = second
  }

  // MARK: Reading

  /// Of the whole seconds before `second`.
  func rates(at second: Int) -> PushRates {
    guard !isOver else { return PushRates() }
    var rates = recentRates(at: second)
    let last = second - 1
    guard last >= 0 else { return rates }
    let minute = sum(bySecond, Self.last(Self.seconds, before: last), length: 1, until: last)
    (rates.pushesLastMinute, rates.failuresLastMinute) = (Int(minute.pushes), Int(minute.failures))
    let minutes = Self.last(Self.minutes, before: last / Self.minuteLength)
    let hour = sum(byMinute, minutes, length: Self.minuteLength, until: last)
    (rates.pushesLastHour, rates.failuresLastHour) = (Int(hour.pushes), Int(hour.failures))
    let parts = Self.last(Self.parts, before: last / Self.partLength)
    let day = sum(byPart, parts, length: Self.partLength, until: last)
    (rates.pushesLastDay, rates.failuresLastDay) = (Int(day.pushes), Int(day.failures))
    return rates
  }

  /// The same of the last second and the last ten alone: cheaper, for who looks at many.
  func recentRates(at second: Int) -> PushRates {
    var rates = PushRates()
    let last = second - 1
    guard last >= 0 else { return rates }
    let one = sum(bySecond, last...last, length: 1, until: last)
    (rates.pushesLastSecond, rates.failuresLastSecond) = (Int(one.pushes), Int(one.failures))
    let ten = sum(bySecond, Self.last(10, before: last), length: 1, until: last)
    (rates.pushesLast10Seconds, rates.failuresLast10Seconds) = (Int(ten.pushes), Int(ten.failures))
    return rates
  }

  /// Pushes of the last hour, as ``PushRates`` has it.
  func pushesOfHour(at second: Int) -> Int {
    let last = second - 1
    guard last >= 0 else { return 0 }
    let minutes = Self.last(Self.minutes, before: last / Self.minuteLength)
    return Int(sum(byMinute, minutes, length: Self.minuteLength, until: last).pushes)
  }

  /// The last `count` spans up to that one.
  private static func last(_ count: Int, before span: Int) -> ClosedRange<Int> { max(0, span - count + 1)...span }

  /// With the latest second, unless it is still going on.
  private func sum(_ buckets: PushBuckets, _ spans: ClosedRange<Int>, length: Int, until last: Int) -> PushSum {
    var sum = buckets.sum(spans)
    if latest <= last, spans.contains(latest / length) { sum += present }
    return sum
  }

  // MARK: Forgetting

  /// Gives back the memory of what is in no window any more.
  mutating func trim(at second: Int) {
    if second > latest { advance(to: second) }
    bySecond.forget(before: second - Self.seconds)
    byMinute.forget(before: second / Self.minuteLength - Self.minutes)
    byPart.forget(before: second / Self.partLength - Self.parts)
  }

  /// Whether nothing is in any window; of what has left them since, only the latest ``trim(at:)`` knows.
  var isOver: Bool { present.pushes == 0 && bySecond.isEmpty && byMinute.isEmpty && byPart.isEmpty }
}
