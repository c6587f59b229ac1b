/// What a lane knows of the ready jobs in its tube on one server (DESIGN: lanes wake on demand).
///
/// Counts are hints. Too high costs one TIMED_OUT; too low is mended by asking for one more than is known, and for as
/// many again after a batch that came back full.
struct Announcements: Equatable {
  /// Ready jobs that nobody has asked for yet, as far as is known.
  private(set) var count = 0
  /// All that were ever announced: tells announcements that came after a request from those before it.
  private var total: UInt64 = 0

  /// The state when a request was sent.
  struct Mark: Equatable {
    fileprivate let total: UInt64
  }

  var mark: Mark { Mark(total: total) }

  /// More than this isn't counted: whatever a server says it has, turns are bounded anyway.
  static let bound = 1_000_000_000

  mutating func announce(_ jobs: Int) {
    let jobs = min(max(jobs, 0), Self.bound)
    count = min(count + jobs, Self.bound)
    total &+= UInt64(jobs)
  }

  /// A request for `asked` jobs, sent at `mark`, brought `got`.
  mutating func took(_ got: Int, asked: Int, ranDry: Bool, since mark: Mark) {
    if ranDry || got < asked {
      // Empty when asked: only what came later can be there.
      count = min(Int(clamping: total &- mark.total), Self.bound)
    } else {
      count = max(count - got, asked)
    }
  }
}
