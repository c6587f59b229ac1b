/// Counts failures within the time that has just passed, in 60 slots: so it forgets each failure when it is between 59 and
/// 60 sixtieths of that time old, and never counts an older one.
struct FailureWindow: Equatable {
  private static let slots = 60

  let length: Duration
  private(set) var total = 0
  private var counts = [UInt32](repeating: 0, count: Self.slots)
  private var latest: Int64 = 0

  init(length: Duration) { self.length = length }

  /// - Parameter time: on a clock that never goes back; not negative.
  /// - Returns: the failures within the window, with this one.
  mutating func count(at time: Duration) -> Int {
    advance(to: slot(of: time))
    let place = Int(latest % Int64(Self.slots))
    guard counts[place] < .max else { return total }
    counts[place] += 1
    total += 1
    return total
  }

  /// Whether nothing of it counts any more.
  func isOver(at time: Duration) -> Bool { slot(of: time) - latest >= Int64(Self.slots) }

  private func slot(of time: Duration) -> Int64 { Int64(time / (length / Self.slots)) }

  private mutating func advance(to slot: Int64) {
    guard slot > latest else { return }
    for passed in 1...min(slot - latest, Int64(Self.slots)) {
      let place = Int((latest + passed) % Int64(Self.slots))
      total -= Int(counts[place])
      counts[place] = 0
    }
    latest = slot
  }
}
