/// Decides what may be done with one job that is ours, and when: the one place that allows a delete.
///
/// The life of a job, told by what is known of it:
/// ```
/// owned (n homes missing) ──home found, n times──▶ deleting ──done / not found──▶ over
///   │                                                └─failed─▶ again, recorded once after the third time
///   └─stop──▶ kicking ──done / not found──▶ over       (failed: as above)
/// ```
/// A home is a place where the message is safe without this job: a copy that a queue server has confirmed, a subscriber's
/// answer that was judged a success, a record that is on disk, or the knowledge that nobody wants it.
///
/// Pure: the owner reports events and does what the action says.
public struct Settlement: Sendable, Equatable {
  /// What happens to a job.
  public enum Event: Sendable, Equatable {
    /// One of the missing homes is confirmed.
    case homeFound
    /// The dispatcher stops: what isn't finished goes back to the queue.
    case stop
    /// The queue server's answer to the delete or the kick.
    case answer(SettleOutcome)
    /// No time is left to try again.
    case deadline
  }

  /// What follows from it.
  public enum Action: Sendable, Equatable {
    /// Wait.
    case none
    /// Delete the job.
    case delete
    /// Kick the job.
    case kick
    /// The same verb again, after the pause.
    case again(after: Duration)
    /// As ``again(after:)``, and write a record of this kind.
    case recordAndAgain(RecordKind, after: Duration)
    /// Write a record of this kind; it is over.
    case recordAndForget(RecordKind)
    /// It is over.
    case forget
  }

  /// How far it is.
  public enum Phase: Sendable, Equatable {
    /// Homes are missing.
    case owned
    /// The delete is under way.
    case deleting
    /// The kick is under way.
    case kicking
    /// Nothing is to be done any more.
    case over
  }

  /// A failed delete or kick is recorded when it has failed so often.
  public static let failuresBeforeRecord: UInt8 = 3
  static let longestPause = Duration.seconds(10)

  /// How far it is.
  public private(set) var phase: Phase
  /// Homes that are still missing.
  public private(set) var missing: UInt32
  private var failures: UInt8 = 0
  private var isRecorded = false

  /// - Parameter homes: in how many places the message must be safe before the job may be deleted, at least 1.
  public init(homes: UInt32 = 1) {
    precondition(homes > 0, "a message without a home would be deleted at once")
    missing = homes
    phase = .owned
  }

  /// Takes what has happened, and says what is to be done.
  public mutating func handle(_ event: Event) -> Action {
    switch (phase, event) {
    case (.owned, .homeFound):
      missing -= 1
      guard missing == 0 else { return .none }
      phase = .deleting
      return .delete
    case (.owned, .stop):
      phase = .kicking
      return .kick
    case (.deleting, .answer(let outcome)), (.kicking, .answer(let outcome)):
      return handle(outcome)
    case (.deleting, .deadline), (.kicking, .deadline):
      return giveUp()
    case (.owned, .deadline):
      phase = .kicking
      return giveUp()
    default:
      return .none
    }
  }

  private mutating func handle(_ outcome: SettleOutcome) -> Action {
    guard case .failed = outcome else {
      phase = .over
      return .forget
    }
    failures = failures == .max ? .max : failures + 1
    let pause = Self.pause(after: failures)
    guard failures >= Self.failuresBeforeRecord, !isRecorded else { return .again(after: pause) }
    isRecorded = true
    return .recordAndAgain(recordKind, after: pause)
  }

  private mutating func giveUp() -> Action {
    let kind = recordKind
    phase = .over
    return isRecorded ? .forget : .recordAndForget(kind)
  }

  private var recordKind: RecordKind { phase == .deleting ? .deleteFailed : .kickFailed }

  /// 100 ms, 400 ms, 1.6 s … 10 s.
  static func pause(after failures: UInt8) -> Duration {
    min(longestPause, .milliseconds(100) * (1 << (2 * min(Int(failures) - 1, 8))))
  }
}
