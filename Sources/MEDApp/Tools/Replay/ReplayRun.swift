import MEDCore

/// `medctl replay`: puts the messages of DATA logs back into queues.
///
/// One after the other: put, the server's answer read, the position on disk, then the next. So at any moment one record at
/// most is in a queue and not yet noted.
public struct ReplayRun {
  public struct Options: Sendable {
    public var files: [String] = []
    public var choice = RecordChoice()
    /// `channel` or `main`; nil: each kind where it belongs.
    public var destination: String?
    /// Records a second.
    public var rate: Int?
    /// Nil: `<FILE>.position` for each.
    public var position: String?
    public var isDryRun = false
    /// The command line, for the text that says how to go on.
    public var arguments: [String] = []

    public init() {}
  }

  static let maximumFiles = ReplayPosition.maximumLogs

  private let options: Options
  private let choice: RecordChoice
  private let rule: ReplayRule
  private let servers: [QueueServerAddress]
  private let say: (String) -> Void

  /// - Parameters:
  ///   - servers: where to put.
  ///   - say: shows a line beside the report.
  /// - Throws: ``UsageError``, or if the config file names no tube for the main queue.
  public init(
    _ options: Options, _ settings: Settings, servers: [QueueServerAddress],
    say: @escaping (String) -> Void = printError
  ) throws {
    guard !options.files.isEmpty else { throw UsageError("Name at least one FILE.") }
    guard options.files.count <= Self.maximumFiles else { throw UsageError("At most \(Self.maximumFiles) files.") }
    guard let mainQueue = TubeName(settings.mainQueue) else {
      throw SystemError(message: "NameOfMainQueue \(quoted(settings.mainQueue)) is not the name of a tube")
    }
    self.options = options
    self.servers = servers
    self.say = say
    choice = try ReplayRule.choice(options.choice)
    let destination = try options.destination.map { name in
      guard let destination = ReplayRule.Destination(rawValue: name) else {
        throw UsageError("--to \(quoted(name)): channel or main expected")
      }
      return destination
    }
    rule = ReplayRule(mainQueue: mainQueue, channelPrefix: settings.channelPrefix, destination: destination)
  }

  /// Call ``SignalThread/block()`` before.
  public func run(_ progress: ProgressBar) throws -> ReplayReport {
    try run(stop: StopRequest.onSignals(), progress)
  }

  func run(stop: StopRequest, _ progress: ProgressBar) throws -> ReplayReport {
    let logs = try openLogs()
    var work = Work(
      rule: rule, choice: choice, servers: ReplayServers(servers, stop: stop), stop: stop,
      pace: options.rate.map(Pace.init), report: ReplayReport(isDryRun: options.isDryRun), progress: progress, say: say,
      total: logs.reduce(0) { $0 + $1.length })
    for log in logs {
      work.run(log)
      if work.isOver { break }
    }
    var report = work.finish()
    report.command = command
    return report
  }

  /// All files are looked at before the first message is put.
  private func openLogs() throws -> [Log] {
    let files = try options.files.compactMap(open)
    guard !files.isEmpty else { throw SystemError(message: "there is no DATA log among the files") }
    try checkThatAllDiffer(files)
    // What is written from now on is for the next run: records of messages that fail again must not make this one endless.
    let ends = files.map(\.size)
    if let path = options.position {
      let position = try ReplayPositionFile(path, options: choice.text, isDryRun: options.isDryRun)
      let numbers = try position.register(files, isOwn: false)
      return files.indices.map { Log(file: files[$0], position: position, number: numbers[$0], end: ends[$0]) }
    }
    return try files.indices.map { index in
      let position = try ownPosition(of: files[index])
      let number = try position.register([files[index]], isOwn: true)[0]
      return Log(file: files[index], position: position, number: number, end: ends[index])
    }
  }

  /// By what they are known again: a copy would be put twice.
  private func checkThatAllDiffer(_ files: [RecordFile]) throws {
    var logs: [ReplayPosition.Log] = []
    for file in files {
      if let same = logs.first(where: { $0.isOf(file) }) {
        let isSame = same.isSameInode(file)
        throw UsageError("\(quoted(file.path)) is \(isSame ? "given twice" : "a copy of \(quoted(same.path))")")
      }
      logs.append(try ReplayPosition.Log(file))
    }
  }

  private func open(_ path: String) throws -> RecordFile? {
    let file = try RecordFile(path)
    // `data.log*` also matches what an earlier replay has left.
    if file.beginning(ReplayPosition.magic.count) == ReplayPosition.magic {
      say("medctl: \(quoted(path)) is a position file, no DATA log: left out")
      return nil
    }
    return file
  }

  private func ownPosition(of file: RecordFile) throws -> ReplayPositionFile {
    let path = file.path + ReplayPositionFile.suffix
    let isThere = ((try? readFile(path, atMost: ReplayPosition.maximumBytes))?.isEmpty == false)
    if !isThere, let found = PositionSearch.find(file, options: choice.text) {
      throw SystemError(
        message:
          "\(quoted(found.path)) says that \(quoted(file.path)) was replayed up to byte \(found.log.place.offset), "
          + "as \(quoted(found.log.path)): go on with --position \(shellQuoted(found.path)); --position "
          + "\(shellQuoted(path)) replays all of it again")
    }
    return try ReplayPositionFile(path, options: choice.text, isDryRun: options.isDryRun)
  }

  /// The same command line, without `--dry-run`.
  private var command: String {
    options.arguments.filter { $0 != "--dry-run" }.map(shellQuoted).joined(separator: " ")
  }
}

extension ReplayRun {
  /// A DATA log with its position.
  struct Log {
    let file: RecordFile
    let position: ReplayPositionFile
    let number: Int
    /// Its size when the replay began.
    let end: UInt64

    var start: UInt64 { position.place(of: number).offset }
    var length: UInt64 { end - min(start, end) }
  }
}
