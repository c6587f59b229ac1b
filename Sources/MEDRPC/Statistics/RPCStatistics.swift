import DequeModule

/// Commands by name and minute, over the last 30 days (SPEC §9). A command counts in the minute in which it ended.
///
/// Bound: only minutes with commands take memory, 16 bytes for each name in them; commands that aren't known share the name
/// ``unknown``. With eight names that is at most 5.5 MB. Pure: minutes come from outside.
public struct RPCStatistics: Sendable {
  /// What is counted of commands of one name.
  public struct Counts: Sendable, Equatable {
    /// Answered with a result.
    public var finished: UInt64 = 0
    /// Answered with `failed`, or not in time.
    public var failed: UInt64 = 0

    /// None.
    public init() {}
  }

  /// The commands of one name in one minute.
  public struct Entry: Sendable, Equatable {
    /// Since 1970.
    public let minute: Int
    /// A known name, or ``RPCStatistics/unknown``.
    public let command: String
    /// What became of them.
    public let counts: Counts
  }

  private struct Slot {
    let minute: UInt32
    let command: UInt32
    var finished: UInt32 = 0
    var failed: UInt32 = 0
  }

  /// 30 days.
  public static let minutes = 30 * 24 * 60
  /// Stands for all names that aren't known.
  public static let unknown = "unknown"

  private let names: [String]
  private var slots: Deque<Slot> = []
  private var counts: [Counts]

  /// No command has come.
  /// - Parameter commands: the names that are counted each by itself.
  public init(commands: [String]) {
    names = commands + [Self.unknown]
    counts = Array(repeating: Counts(), count: names.count)
  }

  /// One more. A minute before the latest one, as when the clock was set back, counts as that.
  mutating func count(_ command: String, isFailure: Bool, in minute: Int) {
    let place = names.firstIndex(of: command) ?? names.count - 1
    if isFailure { counts[place].failed += 1 } else { counts[place].finished += 1 }
    let minute = max(UInt32(clamping: minute), slots.last?.minute ?? 0)
    let slot = slot(of: UInt32(place), in: minute)
    if isFailure { slots[slot].failed &+= 1 } else { slots[slot].finished &+= 1 }
  }

  private mutating func slot(of command: UInt32, in minute: UInt32) -> Int {
    for slot in slots.indices.reversed() {
      guard slots[slot].minute == minute else { break }
      if slots[slot].command == command { return slot }
    }
    forget(before: Int(minute) - Self.minutes + 1)
    slots.append(Slot(minute: minute, command: command))
    return slots.count - 1
  }

  private mutating func forget(before minute: Int) {
    while let first = slots.first, Int(first.minute) < minute { slots.removeFirst() }
  }

  /// The last 30 days up to a minute: the earliest first, of each minute those names that came.
  public func entries(until minute: Int) -> [Entry] {
    slots.filter { Int($0.minute) > minute - Self.minutes }.map { slot in
      var counts = Counts()
      (counts.finished, counts.failed) = (UInt64(slot.finished), UInt64(slot.failed))
      return Entry(minute: Int(slot.minute), command: names[Int(slot.command)], counts: counts)
    }
  }

  /// Since the start, of each name.
  public var totals: [(command: String, counts: Counts)] {
    zip(names, counts).map { (command: $0, counts: $1) }
  }
}
