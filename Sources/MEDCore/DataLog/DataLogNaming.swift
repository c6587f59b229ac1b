/// What the files of a log are called.
///
/// A file that failed isn't trusted any more; its successor has a number before the extension: `data.1.log`,
/// `data.2026-11-23.1.log`, the lowest that is free.
public enum DataLogNaming: Sendable, Equatable {
  /// `data.log`
  case single
  /// `data.<yyyy-mm-dd>.log`, a new one with the first write after midnight UTC.
  case daily
  /// `subscription_<id>_<unix seconds>.data`, a new one past 1 GiB and after each start (SPEC §4, the drop log; see
  /// ``FileDropLog``).
  case dropLog(subscription: Int)

  static let dropLogLimit: Int64 = 1 << 30
  /// Numbers that are tried for a successor before the log gives up.
  static let successors = 1000

  /// What the name depends on: while it stays the same, so does the file.
  func period(at time: RecordTime) -> Int64 {
    switch self {
    case .single, .dropLog: 0
    case .daily: time.day
    }
  }

  /// Bytes after which a new file is begun.
  var limit: Int64 {
    switch self {
    case .single, .daily: .max
    case .dropLog: Self.dropLogLimit
    }
  }

  /// - Parameter number: 0 for the plain name, else that of a successor.
  func name(at time: RecordTime, number: Int) -> String {
    let middle = number == 0 ? "" : ".\(number)"
    return switch self {
    case .single: "data\(middle).log"
    case .daily: "data.\(time.dayText)\(middle).log"
    case .dropLog(let subscription):
      "subscription_\(subscription)_\(time.microseconds / 1_000_000)\(middle).data"
    }
  }
}
