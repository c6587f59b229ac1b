extension PlainBeanstalk {
  /// Totals over all tubes.
  public func jobs() throws -> JobTotals { JobTotals(try stats()) }

  /// Totals of one tube; all zero if it doesn't exist.
  public func jobs(in tube: String) throws -> JobTotals { JobTotals(try stats(tube: tube) ?? [:]) }

  /// Every job of every tube, by rising id, found by looking at the ids from 1 on.
  ///
  /// Exact while nothing moves, which is when a test accounts for its messages. Jobs that vanish meanwhile are left out.
  /// - Throws: ``Unexpected`` if they aren't all found below the id 4,000,000.
  public func everyJob() throws -> [PlainJob] {
    let batch: UInt64 = 500
    var found: [PlainJob] = []
    var first: UInt64 = 1
    while found.count < (try jobs().all) {
      guard first < 4_000_000 else {
        throw Unexpected(description: "\(found.count) jobs found, the server has \(try jobs())")
      }
      found += try jobs(ids: first..<first + batch)
      first += batch
    }
    return found
  }

  private func jobs(ids: Range<UInt64>) throws -> [PlainJob] {
    try sendTogether(ids.map { "peek \($0)" })
    var bodies: [(id: UInt64, body: [UInt8])] = []
    for _ in ids {
      let found = try answer()
      if found.first == "NOT_FOUND" { continue }
      bodies.append((try number(expect(found, "FOUND"), 1), try body(number(found, 2))))
    }
    try sendTogether(bodies.map { "stats-job \($0.id)" })
    return try bodies.compactMap { id, body in
      try dictionary(answer()).map { PlainJob(id: id, body: body, stats: $0) }
    }
  }
}

extension PlainBeanstalk {
  /// Puts many jobs, hundreds with one write.
  public func put(all bodies: some Sequence<[UInt8]>, into tube: String) throws {
    try expect(ask("use \(tube)"), "USING")
    var batch: [[UInt8]] = []
    func send() throws {
      try sendTogether(batch.map { Array("put 1024 0 60 \($0.count)\r\n".utf8) + $0 })
      for _ in batch { try expect(answer(), "INSERTED") }
      batch = []
    }
    for body in bodies {
      batch.append(body)
      if batch.count == 500 { try send() }
    }
    try send()
  }
}

extension PlainJob {
  fileprivate init(id: UInt64, body: [UInt8], stats: [String: String]) {
    func count(_ key: String) -> Int { stats[key].flatMap(Int.init) ?? 0 }
    self.init(
      id: id, tube: stats["tube"] ?? "", state: stats["state"] ?? "", body: body, reserves: count("reserves"),
      buries: count("buries"), kicks: count("kicks"), delay: count("delay"))
  }
}

extension JobTotals {
  fileprivate init(_ stats: [String: String]) {
    func count(_ state: String) -> Int { stats["current-jobs-\(state)"].flatMap(Int.init) ?? 0 }
    self.init(
      ready: count("ready"), reserved: count("reserved"), delayed: count("delayed"), buried: count("buried"))
  }
}
