import MEDCore

/// `medctl log`: shows the records of DATA logs, and with `--follow` those that come.
public struct LogRun {
  public struct Options: Sendable {
    public var files: [String] = []
    public var choice = RecordChoice()
    public var isJSON = false
    public var follows = false

    public init() {}
  }

  static let maximumFiles = 1_000
  /// Between two looks at files that have been read to their ends.
  private static let pause = Duration.milliseconds(200)

  private let options: Options

  /// - Throws: ``UsageError``.
  public init(_ options: Options) throws {
    guard !options.files.isEmpty else { throw UsageError("Name at least one FILE.") }
    guard options.files.count <= Self.maximumFiles else { throw UsageError("At most \(Self.maximumFiles) files.") }
    self.options = options
  }

  /// Call ``SignalThread/block()`` before, if it is to follow.
  /// - Returns: whether every line was a record.
  public func run() throws -> Bool {
    if !options.follows { return try run(stop: StopRequest()) }
    return try run(stop: StopRequest.onSignals())
  }

  func run(stop: StopRequest) throws -> Bool {
    var output = RecordOutput(choice: options.choice, isJSON: options.isJSON, namesFiles: options.files.count > 1)
    var logs = try options.files.map { FollowedLog(try RecordFile($0)) }
    for log in logs {
      while let step = try log.next(follows: options.follows), !stop.isRequested { try output.show(step) }
    }
    try output.flush()
    guard options.follows else { return output.faults.count == 0 }
    while !stop.wait(atMost: Self.pause) {
      if let next = DailyLogs.next(after: logs.map(\.path)), let file = try? RecordFile(next) {
        logs.append(FollowedLog(file))
      }
      for log in logs {
        while !stop.isRequested, let step = try log.next(follows: true) { try output.show(step) }
      }
      try output.flush()
    }
    return true
  }
}

/// Writes records to standard output, and lines that are none to standard error.
private struct RecordOutput {
  let choice: RecordChoice
  let isJSON: Bool
  let namesFiles: Bool
  var faults = LineFaults()

  private var waiting: [UInt8] = []
  private var latestPath = ""
  private static let flushed = 64 << 10

  init(choice: RecordChoice, isJSON: Bool, namesFiles: Bool) {
    self.choice = choice
    self.isJSON = isJSON
    self.namesFiles = namesFiles
  }

  mutating func show(_ step: FollowedLog.Step) throws {
    switch step {
    case .entry(let entry, let file): try show(entry, file)
    case .note(let text):
      try flush()
      printError("medctl: \(text)")
    }
    if waiting.count >= Self.flushed { try flush() }
  }

  private mutating func show(_ entry: DataLogReader.Entry, _ file: RecordFile) throws {
    switch entry.content {
    case .record(let line) where choice.includes(line):
      if isJSON { return waiting += RecordJSON.line(line, offset: entry.start, file: file.path) }
      if namesFiles && file.path != latestPath {
        waiting += (latestPath.isEmpty ? "" : "\n").utf8
        waiting += "==> \(escapeControlCharacters(file.path[...])) <==\n".utf8
        latestPath = file.path
      }
      waiting += (RecordText.text(line) + "\n").utf8
    case .record: return
    case .torn:
      try flush()
      printError(
        "medctl: \(LineFaults.place(entry.start, in: file)) isn't complete: cut off by a crash, or being written")
    case .malformed, .tooLong:
      guard let text = faults.note(entry, in: file) else { return }
      try flush()
      printError("medctl: \(text)")
    }
  }

  mutating func flush() throws {
    guard !waiting.isEmpty else { return }
    defer { waiting.removeAll(keepingCapacity: true) }
    try Terminal.show(String(decoding: waiting, as: UTF8.self))
  }
}
