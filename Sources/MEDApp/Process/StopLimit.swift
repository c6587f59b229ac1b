import Glibc
import Logging
import MEDLoop

/// Ends the process when a stop takes longer than it may, whatever hangs.
final class StopLimit: Sendable {
  /// After MaxMessageProcessTime, so long may the rest of a stop take.
  static let margin = Duration.seconds(15)

  private enum Phase {
    case notBegun, counting, over
  }

  private let phase = Monitor(Phase.notBegun)
  private let end: @Sendable (Duration) -> Void

  /// - Parameter end: called on a thread of its own when the time is over.
  init(_ end: @escaping @Sendable (Duration) -> Void) { self.end = end }

  /// The stop begins; only the first call counts.
  func begin(_ limit: Duration) {
    let isFirst = phase.withLock { phase in
      guard phase == .notBegun else { return false }
      phase = .counting
      return true
    }
    guard isFirst else { return }
    // Without a thread to count on the stop isn't bounded; it goes on all the same.
    try? Thread.detached(named: "stop") { [self] in
      if phase.wait(atMost: limit, { $0 == .over ? true : nil }) == nil { end(limit) }
    }
  }

  /// It has ended in time.
  func cancel() {
    phase.withLock { $0 = .over }
    phase.signal()
  }
}
