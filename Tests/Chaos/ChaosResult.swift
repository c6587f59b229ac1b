import Foundation
import MEDApp

/// What a run gave.
struct ChaosResult {
  let options: ChaosOptions
  let accounts: Accounts
  let published: Int
  let unanswered: Int
  let pushes: Int
  let duplicates: Int
  let bound: DuplicateBound
  let counts: [FaultKind: Int]
  let dispatcherStatus: Int32
  let elapsed: Duration

  /// Nothing is missing, nothing came too often, and nothing stays in a queue when all is well again.
  var isClean: Bool {
    accounts.missing.isEmpty && duplicates <= bound.deliveries && accounts.left.all == 0 && dispatcherStatus == 0
  }

  private var rows: [(title: String, key: String, value: Int)] {
    [
      ("published", "published", published),
      ("publishings without an answer", "publishings_unanswered", unanswered),
      ("deliveries owed", "owed", accounts.owed),
      ("delivered", "delivered", accounts.delivered),
      ("in queues", "queued", accounts.queued),
      ("on the DATA log", "recorded", accounts.recorded),
      ("missing", "missing", accounts.missing.count),
      ("pushes", "pushes", pushes),
      ("in hand at faults: of the main queue", "owned_main_queue", bound.owned.ofMainQueue),
      ("in hand at faults: of channels", "owned_channels", bound.owned.ofChannels),
      ("duplicates", "duplicates", duplicates),
      ("duplicates at most", "duplicates_bound", bound.deliveries),
      ("jobs left", "jobs_left", accounts.left.all),
      ("exit status of the dispatcher", "dispatcher_status", Int(dispatcherStatus)),
    ]
  }

  var text: String {
    var table = TextTable(["seed \(options.seed), \(options.mode.description)", ""])
    for row in rows { table.add([row.title, "\(row.value)"]) }
    for kind in FaultKind.allCases { table.add([kind.rawValue, "\(counts[kind] ?? 0)"]) }
    for (kind, count) in accounts.records.sorted(by: { $0.key < $1.key }) {
      table.add(["records \(kind)", "\(count)"])
    }
    table.add(["lines of the DATA log cut off by kills", "\(accounts.brokenLines)"])
    table.add(["duration, s", seconds(elapsed).trimmingCharacters(in: .whitespaces)])
    return (table.lines + [isClean ? "clean" : "NOT CLEAN"]).joined(separator: "\n")
  }

  var json: String {
    var object: [String: Any] = [
      "seed": options.seed, "mode": options.mode.rawValue, "clean": isClean, "seconds": elapsed / .seconds(1),
      "faults": Dictionary(uniqueKeysWithValues: counts.map { ($0.key.rawValue, $0.value) }),
      "records": accounts.records, "broken_lines": accounts.brokenLines,
    ]
    for row in rows { object[row.key] = row.value }
    let bytes = try? JSONSerialization.data(withJSONObject: object, options: [.sortedKeys])
    return String(decoding: bytes ?? Data(), as: UTF8.self)
  }
}
