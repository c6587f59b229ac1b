import MEDCore
import MEDTestSupport
import Testing

@testable import MEDApp

@Suite("§14 Which records are meant")
struct RecordChoiceTests {
  private func choice(
    _ kinds: [String] = [], topics: [String] = [], subscriptions: [Int] = [], since: String? = nil, until: String? = nil
  ) throws -> RecordChoice {
    try RecordChoice(kinds: kinds, topics: topics, subscriptions: subscriptions, since: since, until: until)
  }

  private let line = DataLogLine(time: replayTime(5), record: replayRecord(1))

  @Test func `nothing named, everything is meant`() throws {
    for kind in RecordKind.allCases {
      #expect(try choice().includes(DataLogLine(time: replayTime(0), record: DataRecord(kind))))
    }
  }

  @Test func `kinds are named in any case, and RECOVFAIL is all that begin so`() throws {
    #expect(try choice(["redistfail", "EXHAUSTED"]).kinds == [.redistributionFailed, .exhausted])
    #expect(
      try choice(["RECOVFAIL"]).kinds == [.recoverPutBackFailed, .recoverDecodeFailed, .recoverTypeFailed])
    #expect(try choice(["REDISTFAIL"]).includes(line))
    #expect(try !choice(["EXHAUSTED"]).includes(line))
  }

  @Test func `an unknown kind is refused with the nearest one`() throws {
    #expect(throws: UsageError("--kind \"EXHAUSTD\": did you mean EXHAUSTED?")) { try choice(["EXHAUSTD"]) }
  }

  @Test func `since counts, until doesn't, whatever the zone`() throws {
    let time = replayTime(5).description
    let next = RecordTime(microseconds: replayTime(5).microseconds + 1).description
    #expect(try choice(since: time).includes(line))
    #expect(try !choice(until: time).includes(line))
    #expect(try choice(since: time, until: next).includes(line))
    #expect(try !choice(since: next).includes(line))
    #expect(RecordTime("2026-11-23T04:27:05Z") == replayTime(5))
    #expect(try choice(since: "2026-11-23T12:27:05+08:00").includes(line))
    #expect(try !choice(since: "2026-11-23T12:27:06+08:00").includes(line))
  }

  @Test(arguments: ["yesterday", "2026-11-23", "2026-11-23T04:27:00", "", "2026-13-01T00:00:00Z"])
  func `what is no time is refused`(text: String) throws {
    #expect(throws: UsageError.self) { try choice(since: text) }
    #expect(throws: UsageError.self) { try choice(until: text) }
  }

  @Test func `since must be before until`() throws {
    #expect(throws: UsageError.self) { try choice(since: "2026-11-23T04:00:00Z", until: "2026-11-23T04:00:00Z") }
  }

  @Test func `a topic is the record's, or that of the message in it`() throws {
    #expect(try choice(topics: ["order_paid", "x"]).includes(line))
    #expect(try !choice(topics: ["order"]).includes(line))
    let wrapped = DataRecord(
      .recoverPutBackFailed, payload: MsgpackValue.binary(TestMessage(topic: "late").encoded).encoded)
    #expect(try choice(topics: ["late"]).includes(DataLogLine(time: replayTime(0), record: wrapped)))
    let broken = DataRecord(.undecodable, payload: [0xc1])
    #expect(try !choice(topics: ["late"]).includes(DataLogLine(time: replayTime(0), record: broken)))
  }

  @Test func `a record without a subscription belongs to none`() throws {
    #expect(try choice(subscriptions: [351, 352]).includes(line))
    #expect(try !choice(subscriptions: [351]).includes(line))
    #expect(
      try !choice(subscriptions: [351]).includes(DataLogLine(time: replayTime(0), record: DataRecord(.undecodable))))
  }

  @Test func `the same choice has the same text, another one another`() throws {
    let one = try choice(["EXHAUSTED", "DROPPED"], topics: ["b", "a"], since: "2026-11-23T04:00:00Z")
    let two = try choice(["dropped", "exhausted"], topics: ["a", "b"], since: "2026-11-23T12:00:00+08:00")
    #expect(one.text == two.text)
    #expect(try one.text != choice(["EXHAUSTED", "DROPPED"], topics: ["a b"], since: "2026-11-23T04:00:00Z").text)
  }
}

@Suite("§10 §14 Messages of recover lists")
struct RecordedMessageTests {
  private let message = TestMessage(topic: "t").encoded

  private func unwrapped(_ entry: [UInt8], _ kind: RecordKind = .recoverPutBackFailed) -> [UInt8]? {
    RecordedMessage(DataRecord(kind, payload: entry))?.bytes
  }

  @Test func `bare, wrapped and twice wrapped entries are the same message`() {
    let once = MsgpackValue.binary(message).encoded
    let twice = MsgpackValue.binary(once).encoded
    for entry in [message, once, twice] {
      #expect(unwrapped(entry) == message)
      #expect(unwrapped(entry, .recoverTypeFailed) == message)
    }
  }

  @Test func `what holds no message stays as it is`() {
    for entry in [[], [0xc1], MsgpackValue.string("text").encoded, MsgpackValue.binary([1, 2]).encoded] as [[UInt8]] {
      #expect(unwrapped(entry) == entry)
      #expect(RecordedMessage(DataRecord(.recoverDecodeFailed, payload: entry))?.envelope == nil)
    }
  }

  @Test func `other kinds are not unwrapped`() {
    let wrapped = MsgpackValue.binary(message).encoded
    #expect(unwrapped(wrapped, .undecodable) == wrapped)
    #expect(RecordedMessage(DataRecord(.exhausted)) == nil)
  }
}
