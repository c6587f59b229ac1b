import Testing

@testable import MEDCore

@Suite("§8 Another try: a message made anew from its row")
struct RetriedMessageTests {
  /// The row of a message as a failed push leaves it.
  private func row(
    time: Double = 1_700_000_000.123456, originJobID: UInt64 = 17, body: String = #"{"order":4711}"#
  ) throws -> FailureRecord {
    var writer = MessagePackWriter()
    writer.map(4)
    writer.string("MsgKey")
    writer.string("paid")
    writer.string("Time")
    writer.double(time)
    writer.string("OriginJobId")
    writer.integer(originJobID)
    writer.string("Body")
    writer.raw(try JSONToMessagePack.convert(Array(body.utf8)))
    var record = FailureRecord()
    record.id = 9
    record.subscription = 352
    record.topic = "paid"
    record.topicID = 3
    record.jobID = try Envelope(writer.bytes).pushJobID(subscription: 352)
    record.messageTime = time
    record.state = .givenUp
    record.message = body
    return record
  }

  @Test(
    arguments: [1_700_000_000.123456, 0, 1_700_000_000, 1e-6, 1_700_000_000.999999, -1.5, 4_102_444_800.000001, 1e15])
  func `its push is the same one, with the row's number and no retries`(time: Double) throws {
    let row = try row(time: time)
    let message = try RetriedMessage(row)
    let envelope = try Envelope(message.bytes)
    #expect(envelope.pushJobID(subscription: 352) == row.jobID)
    #expect(envelope.topic == "paid" && envelope.logID == 9 && envelope.retryTimes == 0 && envelope.originJobID == 17)
    #expect(String(decoding: try PushBody.json(envelope), as: UTF8.self) == row.message)
    #expect(message.reopening.logID == 9 && message.reopening.jobID == row.jobID && message.reopening.end == nil)
  }

  @Test func `a column that was rounded doesn't matter, the jobid's text has it`() throws {
    var row = try row()
    row.messageTime = 1_700_000_000
    #expect(try Envelope(RetriedMessage(row).bytes).pushJobID(subscription: 352) == row.jobID)
  }

  @Test(
    arguments: [
      "{}", "[]", #"{"a":[1,-2.5,true,null,"ü\n",{"b":{}}],"c":18446744073709551615}"#, "0.1", "1e300", #""text""#,
    ])
  func `its body is pushed as it was`(body: String) throws {
    let first = try PushBody.json(Envelope(RetriedMessage(row(body: body)).bytes))
    let again = try PushBody.json(
      Envelope(RetriedMessage(row(body: String(decoding: first, as: UTF8.self))).bytes))
    #expect(first == again)
  }

  @Test func `what can't be the same push is refused`() throws {
    func refusal(_ change: (inout FailureRecord) -> Void) throws -> ControlError.Code? {
      var row = try row()
      change(&row)
      do throws(ControlError) {
        _ = try RetriedMessage(row)
        return nil
      } catch {
        return error.code
      }
    }
    #expect(try refusal { _ in } == nil)
    for body in [nil, "null", "", "{", "not JSON", String(repeating: "[", count: 1_000)] as [String?] {
      #expect(try refusal { $0.message = body } == .invalidArgument, "\(body ?? "nil")")
    }
    for jobID in [
      "", "-", "--", "1-2", "x-17-352", "1700000000.123456-x-352", "1700000000.123456-17-353", "nan-17-352",
    ] {
      #expect(try refusal { $0.jobID = jobID } == .invalidArgument, "\(jobID)")
    }
    #expect(try refusal { $0.topic = "" } == .invalidArgument)
    #expect(try refusal { $0.subscription = -1 } == .invalidArgument)
    #expect(try refusal { $0.id = 0 } == .invalidArgument)
  }

  @Test func `rows that were put a moment ago are remembered, in a bounded number`() {
    let rows = RetriedFailures()
    for id in 1...RetriedFailures.bound + 1 { rows.insert(id) }
    #expect(!rows.contains(1))
    #expect(rows.contains(2) && rows.contains(RetriedFailures.bound + 1))
  }
}

@Suite("§8 readyz: what keeps a dispatcher from consuming")
struct ReadinessTests {
  private func state(_ change: (inout DispatcherState) -> Void = { _ in }) -> [ReadinessProblem.Kind] {
    var state = DispatcherState()
    state.directory.secondsSinceRefresh = 1
    state.dataLog = DataLogState()
    state.queueServers = (0..<2).map { number in
      var server = QueueServerState()
      server.address = "server:\(number)"
      server.isReachable = true
      server.listenersUp = 1
      return server
    }
    change(&state)
    return state.readinessProblems.map(\.kind)
  }

  @Test func `each queue server, each main queue, the DATA log, and the subscriptions count`() {
    #expect(state() == [])
    #expect(state { $0.queueServers[1].isReachable = false } == [.queueServer])
    #expect(state { $0.queueServers[0].listenersUp = 0 } == [.mainQueue])
    #expect(state { $0.dataLog?.isWritable = false } == [.dataLog])
    #expect(state { $0.directory.secondsSinceRefresh = nil } == [.subscriptions])
    #expect(state { $0.isStopping = true } == [.stopping])
    // The last known state is used.
    #expect(state { $0.directory.storeError = "down" } == [])
    #expect(state { ($0.directory.secondsSinceRefresh, $0.directory.isFromSnapshot) = (nil, true) } == [])
  }
}
