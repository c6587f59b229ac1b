/// A list of this process, and what of it is in hand.
struct ListHolder {
  let key: [UInt8]
  /// The recover list that its entries came from.
  let list: [UInt8]
  /// The end of a list that is worked through where it lies; there is more in it than what is in hand.
  let isPartial: Bool
  /// Entries whose home isn't found yet, with their number: some may be equal.
  private(set) var outstanding: [[UInt8]: Int] = [:]
  /// Entries that have another home and may still be there.
  private(set) var finished: [[UInt8]: Int] = [:]

  init(key: [UInt8], list: [UInt8], entries: [[UInt8]], isPartial: Bool = false) {
    self.key = key
    self.list = list
    self.isPartial = isPartial
    for entry in entries { outstanding[entry, default: 0] += 1 }
  }

  var isOver: Bool { outstanding.isEmpty && finished.isEmpty }

  mutating func finish(_ entry: [UInt8]) {
    guard Self.takeOne(entry, from: &outstanding) else { return }
    finished[entry, default: 0] += 1
  }

  mutating func removed(_ entry: [UInt8]) { _ = Self.takeOne(entry, from: &finished) }

  /// What must be removed, given what the list really holds: whether an earlier removal was done isn't known, and an equal
  /// entry may still be in hand.
  func removals(from present: [[UInt8]]) -> [(entry: [UInt8], count: Int)] {
    var counts: [[UInt8]: Int] = [:]
    for entry in present { counts[entry, default: 0] += 1 }
    return finished.compactMap { entry, count in
      let surplus = (counts[entry] ?? 0) - (outstanding[entry] ?? 0)
      return surplus > 0 ? (entry, min(surplus, count)) : nil
    }
  }

  mutating func forgetFinished() { finished = [:] }

  private static func takeOne(_ entry: [UInt8], from counts: inout [[UInt8]: Int]) -> Bool {
    guard let count = counts[entry] else { return false }
    counts[entry] = count > 1 ? count - 1 : nil
    return true
  }
}
