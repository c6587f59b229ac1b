import MEDCore

/// A log that is read to its end, and on when it grows, is renamed, truncated or begun anew.
final class FollowedLog {
  enum Step {
    case entry(DataLogReader.Entry, RecordFile)
    /// Something about the file.
    case note(String)
  }

  let path: String
  private var file: RecordFile
  private var reader: DataLogReader
  /// How far it was read.
  private var end: UInt64 = 0
  /// A line that wasn't complete when it was seen last.
  private var torn: DataLogReader.Entry?

  init(_ file: RecordFile) {
    path = file.path
    self.file = file
    reader = file.reader(from: 0)
  }

  /// - Parameter follows: a line that isn't complete is waited for, and what takes the file's place is gone on with.
  /// - Returns: nil if there is nothing more just now.
  func next(follows: Bool) throws -> Step? {
    // Looked at before reading: what is read to its end after a rotation has no more to come.
    let isReplaced = follows && file.isStillNamed == false
    if let step = try read(follows: follows) { return step }
    guard follows else { return nil }
    if file.size < end {
      begin(file)
      return .note("\(quoted(path)) was truncated")
    }
    guard isReplaced, let new = try? RecordFile(path) else { return nil }
    let rest = torn
    let old = file
    begin(new)
    return rest.map { .entry($0, old) } ?? .note("\(quoted(path)) is a new file now")
  }

  private func read(follows: Bool) throws -> Step? {
    while let entry = try reader.next() {
      if entry.content == .torn {
        torn = entry
        end = entry.start
        if follows { continue }
      } else {
        torn = nil
        end = entry.end
      }
      return .entry(entry, file)
    }
    return nil
  }

  private func begin(_ file: RecordFile) {
    self.file = file
    reader = file.reader(from: 0)
    end = 0
    torn = nil
  }
}

/// The files of `SplitLog = true`: `data.<yyyy-mm-dd>.log`, a new one each day (UTC).
enum DailyLogs {
  /// Today's file, if files of that kind are followed and it isn't among them; whether it is there is for the caller to
  /// find out.
  static func next(after paths: [String], now: RecordTime = .now()) -> String? {
    guard let latest = paths.filter({ day(of: $0) != nil }).max(by: { (day(of: $0) ?? "") < (day(of: $1) ?? "") }),
      let day = day(of: latest)
    else { return nil }
    let today = String(now.description.prefix(day.count))
    return today > day ? String(latest.dropLast(name(day).count)) + name(today) : nil
  }

  private static func name(_ day: String) -> String { "data.\(day).log" }

  private static func day(of path: String) -> String? {
    let file = path[(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)...]
    let day = file.dropFirst("data.".count).dropLast(".log".count)
    guard file == name(String(day)), RecordTime("\(day)T00:00:00Z") != nil else { return nil }
    return String(day)
  }
}
