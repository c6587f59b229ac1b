import Testing

@testable import MEDCore

@Suite("§7 Failure journal: what it says after a crash")
struct JournalStateTests {
  private func state(_ contents: [JournalRecord.Content]) -> JournalState {
    var state = JournalState()
    for (index, content) in contents.enumerated() {
      state.apply(JournalRecord(sequence: UInt64(index + 1), content: content))
    }
    return state
  }

  private typealias File = JournalFileTests

  @Test func `records of one message become one entry, in order of their first ones`() {
    let state = state([
      .entry(File.entry(1), isFirst: true), .entry(File.entry(2), isFirst: true), .settled(1),
      .entry(File.entry(1, 1, .delivered), isFirst: false),
    ])
    #expect(state.waiting.map(\.entry.jobID) == ["1.000000-1-1", "1.000000-2-1"])
    #expect(state.waiting.map(\.sequence) == [4, 2])
    #expect(state.waiting.first?.entry.end == .delivered)
    #expect(state.unsettled(since: 0).map(\.key.jobID) == ["1.000000-2-1"])
  }

  @Test func `what is stored needn't be written, what came after it must`() {
    let open = JournalRecord.Content.entry(File.entry(1), isFirst: true)
    let end = JournalRecord.Content.entry(File.entry(1, 1, .givenUp), isFirst: false)
    #expect(state([open, .stored(through: 1)]).waiting.isEmpty)
    #expect(state([open, .stored(through: 1)]).unsettled(since: 0).count == 1)
    #expect(state([open, end, .stored(through: 1)]).waiting.map(\.entry) == [File.entry(1, 1, .givenUp)])
    #expect(state([open, end, .stored(through: 2)]).waiting.isEmpty)
    #expect(state([.stored(through: 7), .settled(8)]).waiting.isEmpty)
  }

  @Test func `a message is settled by its retry channel, by a retry, and by its end`() {
    let open = JournalRecord.Content.entry(File.entry(1), isFirst: true)
    #expect(state([open]).unsettled(since: 0).count == 1)
    #expect(state([open, .settled(1)]).unsettled(since: 0).isEmpty)
    #expect(state([open, .entry(File.entry(1, 1), isFirst: false)]).unsettled(since: 0).isEmpty)
    #expect(state([open, .entry(File.entry(1, 0, .delivered), isFirst: false)]).unsettled(since: 0).isEmpty)
    #expect(state([open, open, .settled(1)]).unsettled(since: 0).count == 1, "it has failed as a new one once more")
    #expect(state([open, open, .settled(2)]).unsettled(since: 0).isEmpty)
    #expect(state([open]).unsettled(since: 1_700_000_001).isEmpty, "too long ago")
  }

  @Test func `a compacted journal says the same`() {
    let contents: [JournalRecord.Content] = [
      .entry(File.entry(1), isFirst: true), .entry(File.entry(2), isFirst: true), .stored(through: 2),
      .entry(File.entry(3), isFirst: true), .settled(4), .entry(File.entry(3, 1), isFirst: false),
      .entry(File.entry(4), isFirst: true), .entry(File.entry(4, 1, .delivered), isFirst: false), .stored(through: 8),
    ]
    let before = state(contents)
    var after = JournalState()
    let bytes = before.compacted(unsettledSince: 0)
    #expect(JournalFormat.read(bytes) { after.apply($0) } == bytes.count)
    #expect(after.waiting.map(\.entry) == before.waiting.map(\.entry))
    #expect(after.waiting.map(\.sequence) == before.waiting.map(\.sequence))
    #expect(after.unsettled(since: 0).map(\.key) == before.unsettled(since: 0).map(\.key))
    #expect(after.waiting.count == 2)
    #expect(after.unsettled(since: 0).count == 2)
    // Marks that come later find what they mean.
    after.apply(JournalRecord(sequence: 10, content: .settled(2)))
    after.apply(JournalRecord(sequence: 11, content: .stored(through: 6)))
    #expect(after.unsettled(since: 0).map(\.key.jobID) == ["1.000000-1-1"])
    #expect(after.waiting.map(\.entry.jobID) == ["1.000000-1-1"])
  }
}
