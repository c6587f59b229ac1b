/// Counts pushes by the second, for the ten seconds before the present one.
///
/// Cheap enough for every push: two additions, in memory that is allocated with the first one. Seconds come from outside
/// (``EngineContext/second``), so that no clock is asked.
struct PushRateRing {
  private static let window = 10

  private struct Slot {
    var pushes: UInt32 = 0
    var failures: UInt32 = 0
  }

  /// The present second and the ten before it.
  private var slots: [Slot] = []
  private var latest = 0

  /// A push has ended in `second`, which never goes back.
  mutating func count(isFailure: Bool, in second: Int) {
    if slots.isEmpty {
      slots = Array(repeating: Slot(), count: Self.window + 1)
      latest = second
    }
    if second > latest { advance(to: second) }
    let place = Self.place(latest)
    slots[place].pushes &+= 1
    if isFailure { slots[place].failures &+= 1 }
  }

  private mutating func advance(to second: Int) {
    let passed = min(second - latest, slots.count)
    for step in 0..<passed { slots[Self.place(second - step)] = Slot() }
    latest = second
  }

  /// Of the whole seconds before `second`.
  func rates(at second: Int) -> PushRates {
    var rates = PushRates()
    guard !slots.isEmpty else { return rates }
    for age in 1...Self.window {
      let counted = second - age
      guard counted <= latest, latest - counted <= Self.window, counted >= 0 else { continue }
      let slot = slots[Self.place(counted)]
      rates.pushesLast10Seconds += Int(slot.pushes)
      rates.failuresLast10Seconds += Int(slot.failures)
      if age == 1 {
        rates.pushesLastSecond = Int(slot.pushes)
        rates.failuresLastSecond = Int(slot.failures)
      }
    }
    return rates
  }

  private static func place(_ second: Int) -> Int { second % (window + 1) }
}
