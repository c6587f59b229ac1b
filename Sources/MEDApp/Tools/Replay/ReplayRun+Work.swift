import MEDCore

extension ReplayRun {
  /// One replay under way.
  struct Work {
    let rule: ReplayRule
    let choice: RecordChoice
    let servers: ReplayServers
    let stop: StopRequest
    var pace: Pace?
    var report: ReplayReport
    let progress: ProgressBar
    let say: (String) -> Void
    /// Bytes to go through in all.
    let total: UInt64

    private var done: UInt64 = 0
    private var faults = LineFaults()
    private var namedLeftOut = 0

    init(
      rule: ReplayRule, choice: RecordChoice, servers: ReplayServers, stop: StopRequest, pace: Pace?,
      report: ReplayReport, progress: ProgressBar, say: @escaping (String) -> Void, total: UInt64
    ) {
      self.rule = rule
      self.choice = choice
      self.servers = servers
      self.stop = stop
      self.pace = pace
      self.report = report
      self.progress = progress
      self.say = say
      self.total = total
    }

    /// Whether no further log is to be begun.
    var isOver: Bool { report.wasInterrupted || report.failure != nil }

    mutating func run(_ log: Log) {
      let place = log.position.place(of: log.number)
      var file = ReplayReport.File(
        path: log.file.path, positionPath: log.position.path, from: place.offset, to: place.offset, end: log.end,
        putBefore: place.put)
      var put = place.put
      let reader = log.file.reader(from: place.offset)
      var noted = place.offset
      while let entry = next(of: reader), entry.start < log.end {
        if stop.isRequested {
          report.wasInterrupted = true
          break
        }
        if entry.content == .torn {
          file.torn = entry.start
          break
        }
        let isPut = handle(entry, log)
        // In hand still: not put, or nobody knows.
        if isOver { break }
        file.to = entry.end
        if isPut {
          put += 1
          if !note(log, file.to, put) { break }
          noted = file.to
        }
        show(file, place.offset)
      }
      if file.to > noted && report.failure == nil { _ = note(log, file.to, put) }
      done += file.to - place.offset
      report.files.append(file)
    }

    private mutating func next(of reader: DataLogReader) -> DataLogReader.Entry? {
      do throws(DataLogError) {
        return try reader.next()
      } catch {
        report.failure = "\(error)"
        return nil
      }
    }

    /// - Returns: whether it was put, so that the position must be noted.
    private mutating func handle(_ entry: DataLogReader.Entry, _ log: Log) -> Bool {
      guard case .record(let line) = entry.content else {
        if let text = faults.note(entry, in: log.file) { tell(text) }
        return false
      }
      guard choice.includes(line) else {
        report.notChosen += 1
        return false
      }
      switch rule.decide(line.record) {
      case .nothing: report.withoutPayload += 1
      case .impossible(let reason): leaveOut(entry, log, "\(line.record.kind.rawValue) \(reason)")
      case .put(let put): return self.put(put, line, entry, log)
      }
      return false
    }

    private mutating func put(
      _ put: ReplayRule.Put, _ line: DataLogLine, _ entry: DataLogReader.Entry, _ log: Log
    ) -> Bool {
      let topic = line.record.topic ?? (try? Envelope(put.body))?.topic ?? ""
      let group = ReplayReport.Group(kind: line.record.kind, topic: topic, tube: put.tube.description)
      guard !report.isDryRun else {
        if report.examples.count < ReplayReport.maximumExamples {
          report.examples.append("\(LineFaults.place(entry.start, in: log.file)): " + RecordText.head(line))
        }
        report.count(group)
        return false
      }
      guard waitForTurn() else { return false }
      switch servers.put(put) {
      case .stored:
        report.count(group)
        return true
      case .tooBig(let server):
        leaveOut(entry, log, "\(put.body.count) bytes are more than \(server) takes (JOB_TOO_BIG)")
      case .nowhere(let reasons): report.failure = "no queue server takes the message: \(reasons)"
      case .stopped: report.wasInterrupted = true
      }
      return false
    }

    /// - Returns: false if the user has had enough.
    private mutating func waitForTurn() -> Bool {
      guard let turn = pace?.begin(at: .now) else { return true }
      let pause = turn - .now
      if pause > .zero, stop.wait(atMost: pause) { report.wasInterrupted = true }
      return !report.wasInterrupted
    }

    private mutating func leaveOut(_ entry: DataLogReader.Entry, _ log: Log, _ reason: String) {
      report.leftOut += 1
      namedLeftOut += 1
      if namedLeftOut <= LineFaults.named {
        tell("left out: \(LineFaults.place(entry.start, in: log.file)): \(reason)")
      } else if namedLeftOut == LineFaults.named + 1 {
        tell("further records that are left out are counted")
      }
    }

    /// - Returns: whether that is on disk.
    private mutating func note(_ log: Log, _ offset: UInt64, _ put: UInt64) -> Bool {
      do throws(SystemError) {
        try log.position.note(log.number, offset: offset, put: put)
        return true
      } catch {
        report.failure = "\(error): the message put last may come twice, with the same jobid"
        return false
      }
    }

    private func tell(_ text: String) {
      progress.end()
      say("medctl: \(text)")
    }

    private func show(_ file: ReplayReport.File, _ start: UInt64) {
      let bytes = min(done + file.to - start, total)
      progress.show(Int(clamping: bytes), of: Int(clamping: total), saying: "\(report.put) put")
    }

    mutating func finish() -> ReplayReport {
      progress.end()
      report.malformed = faults.malformed
      report.tooLong = faults.tooLong
      report.unanswered = servers.unanswered
      if !report.isDryRun {
        report.servers = servers.servers.map {
          ReplayReport.Server(address: $0.address.description, put: $0.put, failure: $0.failure)
        }
      }
      return report
    }
  }
}
