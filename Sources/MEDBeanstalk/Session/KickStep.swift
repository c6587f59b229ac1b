import MEDCore

/// What to do next with the buried jobs of a tube, from what the server has just said of it.
///
/// `kick <n>` kicks buried jobs; but if there is none at the moment at which the server comes to it, it kicks delayed ones,
/// which would wake retries before their time. So where there is anything to wake, or somebody works on the tube, a batch
/// takes a small part of what was seen, and the last ones go by their numbers. A delayed job is woken only if others empty
/// the tube between the server's answer and our kick. By kicks like ours they can't within a round trip, unless dozens of
/// them are at it; and the last jobs cost each of them hundreds of round trips.
enum KickStep: Equatable {
  /// There is nothing more to kick.
  case done
  /// `kick <n>`.
  case batch(Int)
  /// So many by `peek-buried` and `kick-job`, which can't wake a delayed job, at the price of a round trip each.
  case byNumber(Int)

  /// Jobs that go by number, where delayed ones could be woken.
  static let reserve = 256
  /// The part of the others that a batch takes there.
  static let divisor = 16
  /// Smaller batches aren't worth it there.
  static let smallestBatch = 8
  /// The most that go by number before the next look.
  static let longestRun = 64

  /// - Parameters:
  ///   - seen: what the server says of the tube.
  ///   - wanted: jobs to be kicked yet.
  ///   - batch: jobs that one command may kick.
  ///   - isFresh: whether the server said so just now.
  init(_ seen: TubeStatistics, wanted: Int, batch: Int, isFresh: Bool = true) {
    let count = min(wanted, seen.buried)
    guard count > 0 else {
      self = .done
      return
    }
    if seen.delayed == 0, seen.watching == 0 {
      self = .batch(min(count, batch))
      return
    }
    let safe = (seen.buried - Self.reserve) / Self.divisor
    self =
      isFresh && safe >= Self.smallestBatch
      ? .batch(min(count, batch, safe)) : .byNumber(min(count, Self.longestRun))
  }
}

/// How many jobs one `kick` may move, found out by how long the server takes: it serves nobody else meanwhile.
///
/// Without a binlog a job costs it a tenth of a microsecond, with one a microsecond, and with `-f 0` a sync of the disk.
struct KickPace {
  static let bounds = 10...10_000
  /// What other clients of the server may be made to wait, about.
  static let aim = Duration.milliseconds(5)

  private(set) var batch = 100

  mutating func kicked(_ count: Int, within time: Duration) {
    if time > Self.aim {
      batch = max(Self.bounds.lowerBound, min(batch, count) / 2)
    } else if time < Self.aim / 2, count >= batch {
      batch = min(Self.bounds.upperBound, batch * 2)
    }
  }
}
