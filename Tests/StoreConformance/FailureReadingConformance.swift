#if canImport(Testing)
  import MEDCore

  /// What every failure log that can be read has to do, whatever it is kept in (SPEC §7).
  ///
  /// - Parameters:
  ///   - log: empty, in a store with a topic `paid`.
  ///   - topicID: the row of that topic.
  public func expectReadingConformance(of log: some FailureLog & FailureLogReader, topicID: Int) async throws {
    var entries: [FailureEntry] = []
    for number in 1...12 {
      var entry = FailureEntry(
        subscription: number % 2 == 0 ? 7 : 8, jobID: "\(number).000000-5-7",
        topicID: number <= 6 ? topicID : topicID + 1,
        subscriberID: 4, messageTime: 1_700_000_000.123456,
        message: [0x81, 0xA6] + Array("MsgKey".utf8) + [0xA1, 0x74],
        time: Int64(1_000 + number), firstFailure: String(repeating: "f", count: 600), lastTarget: "http://a/")
      entry.end = number <= 4 ? nil : number <= 8 ? .delivered : .givenUp
      entries.append(entry)
    }
    let ids = try await log.write(entries)

    func ask(_ change: (inout FailureQuery) -> Void) async throws -> [Int] {
      var query = FailureQuery()
      change(&query)
      return try await log.failures(query).records.map(\.id)
    }
    expect(try await ask { _ in }, is: ids.reversed())
    expect(try await ask { $0.state = .open }, is: ids[..<4].reversed())
    expect(try await ask { $0.state = .delivered }, is: ids[4..<8].reversed())
    expect(try await ask { $0.state = .givenUp }, is: ids[8...].reversed())
    expect(try await ask { $0.subscription = 8 }, is: stride(from: 10, through: 0, by: -2).map { ids[$0] })
    expect(try await ask { $0.topic = "paid" }, is: ids[..<6].reversed())
    expect(try await ask { ($0.from, $0.until) = (1_003, 1_005) }, is: [ids[3], ids[2]])
    expect(try await ask { ($0.topic, $0.subscription, $0.state) = ("paid", 7, .open) }, is: [ids[3], ids[1]])
    expect(try await ask { $0.topic = "nothing" }, is: [])

    var query = FailureQuery()
    query.limit = 5
    var seen: [Int] = []
    while true {
      let page = try await log.failures(query)
      seen += page.records.map(\.id)
      guard let next = page.next else { break }
      query.before = next
    }
    expect(seen == ids.reversed())

    let listed = try require(try await log.failures(FailureQuery()).records.last)
    expect(listed.firstFailure.count == FailureRecord.listedTextLength && listed.message == nil)
    let whole = try require(try await log.failure(ids[0]))
    expect(whole.firstFailure.count == 600 && whole.message == "null" && whole.topic == "paid")
    expect(whole.messageTime == 1_700_000_000.123456 && whole.state == .open && whole.target == "http://a/")
    expect(try await log.failure(ids[11] + 1) == nil)
  }
#endif
