import Testing

@testable import MEDCore

@Suite("§9 Push statistics: subscriptions")
struct PushTableTests {
  private static func channel(_ id: Int, topic: String = "t") -> SubscribedChannel {
    SubscribedChannel.make(
      Subscription(id: id, topic: topic, receptionChannel: "http://127.0.0.1:9/"), ChannelRules()
    ).channel
  }

  @Test func `what was counted outlives the lane that counted it`() {
    var table = PushTable()
    table.pushes(of: Self.channel(7)).count(.channel, isFailure: true, in: 3)
    let again = table.pushes(of: Self.channel(7))
    again.count(.retry, isFailure: false, in: 4)
    #expect(table[7] === again && table.count == 1)
    #expect(again.pushes == 2 && again.failures == 1)
    #expect(again.rates(at: 5).pushesLastMinute == 2)
    #expect(again.history(.retry).rates(at: 5).pushesLastMinute == 1)
  }

  @Test func `another topic begins anew`() {
    var table = PushTable()
    table.pushes(of: Self.channel(7)).count(.channel, isFailure: false, in: 3)
    let moved = table.pushes(of: Self.channel(7, topic: "u"))
    #expect(moved.pushes == 0 && moved.topic == "u" && table.count == 1)
    table.tend(at: 4)
    #expect(table[7]?.topic == nil || table[7]?.topic == "u")
  }

  @Test func `a day after its last push a subscription is forgotten, unless a lane has it`() {
    var table = PushTable()
    table.pushes(of: Self.channel(1)).count(.channel, isFailure: false, in: 10)
    let held = table.pushes(of: Self.channel(2))
    held.count(.channel, isFailure: false, in: 10)
    table.tend(at: 86_399)
    #expect(table.count == 2)
    table.tend(at: 90_000)
    #expect(table.ids == [2])
    held.count(.retry, isFailure: false, in: 90_001)
    #expect(table[2]?.rates(at: 90_002).pushesLastDay == 1)
    table.tend(at: 90_002)
    #expect(table.count == 1)
  }

  @Test func `each second a few are looked at, and in turn all of them`() {
    var table = PushTable()
    for id in 0..<(PushTable.looks * 3) { table.pushes(of: Self.channel(id)).count(.channel, isFailure: false, in: 0) }
    table.tend(at: 100_000)
    #expect(table.count == PushTable.looks * 2)
    table.tend(at: 100_001)
    table.tend(at: 100_002)
    #expect(table.count == 0)
  }

  @Test func `one that finds no place is counted, and has one when there is room`() {
    #expect(PushTable.maximum == 100_000)
    var table = PushTable(maximum: 2)
    for id in 1...3 { table.pushes(of: Self.channel(id)).count(.channel, isFailure: false, in: 0) }
    #expect(Set(table.ids) == [1, 2] && table.refused == 1)
    table.pushes(of: Self.channel(2)).count(.channel, isFailure: false, in: 0)
    #expect(table.refused == 1)
    table.tend(at: 100_000)
    table.pushes(of: Self.channel(3)).count(.channel, isFailure: false, in: 100_001)
    #expect(table.ids == [3])
  }
}
