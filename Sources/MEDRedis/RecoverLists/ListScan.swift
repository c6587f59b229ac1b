/// Goes through all names of a database again and again, a step at a time, with at most a twentieth of the server's time.
struct ListScan {
  /// Names that the server looks at in a step.
  static let step = 1_000
  private static let rest = 19

  let pattern: [UInt8]
  /// From the beginning of a pass to that of the next.
  let interval: Duration

  private var cursor: [UInt8] = Array("0".utf8)
  private var passBegan: ContinuousClock.Instant?
  /// When the next step is due.
  private(set) var due: ContinuousClock.Instant

  init(_ pattern: [UInt8], every interval: Duration, now: ContinuousClock.Instant = .now) {
    self.pattern = pattern
    self.interval = interval
    due = now
  }

  var command: RedisCommand {
    RedisCommand("SCAN", cursor, Array("MATCH".utf8), pattern, Array("COUNT".utf8), Array("\(Self.step)".utf8))
  }

  /// Takes a step's answer.
  /// - Returns: the names that it brought; nil if it is none.
  mutating func took(
    _ answer: RedisValue, began: ContinuousClock.Instant, now: ContinuousClock.Instant
  ) -> [[UInt8]]? {
    guard let parts = answer.array, parts.count == 2, let next = parts[0].bytes, let names = parts[1].array else {
      return nil
    }
    let passBegan = self.passBegan ?? began
    let isOver = next == Array("0".utf8)
    cursor = next
    self.passBegan = isOver ? nil : passBegan
    let rested = now + (now - began) * Self.rest
    due = isOver ? max(rested, passBegan + interval) : rested
    return names.compactMap(\.bytes)
  }

  /// Another server has other cursors.
  mutating func begin(now: ContinuousClock.Instant) {
    cursor = Array("0".utf8)
    passBegan = nil
    due = now
  }
}
