import MEDTestSupport
import Testing

@Suite("§4 RunAtBench in a running dispatcher", .showsServerOutput)
struct BenchSystemTests {
  @Test func `only subscribers that want bench messages get them, and a change of that is followed live`() async throws
  {
    let system = try await SystemHarness.start(settings: ["RunAtBench": "true"])
    let wanting = try await system.subscribe(parameters: ["ReceiveBenchMsgs": "1"])
    let refusing = try await system.subscribe()
    let alone = try await system.subscribe("refused_by_all")
    try system.publish(0..<50)
    try system.publish(50..<100, topic: "refused_by_all")
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    #expect(system.receiver.count(system.path(wanting)) == 50)
    #expect(system.receiver.count(system.path(refusing)) == 0)
    #expect(system.receiver.count(system.path(alone)) == 0)
    #expect(system.records.isEmpty)

    // In this order: who sees the second change has seen the first.
    try await system.store.setParameters(["ReceiveBenchMsgs": "0"], of: wanting)
    try await system.store.setParameters(["ReceiveBenchMsgs": "true"], of: alone)
    var number = 100
    try await eventually("the one gets messages", within: .seconds(20), every: .milliseconds(100)) {
      try system.publish(number..<number + 1, topic: "refused_by_all")
      number += 1
      return system.receiver.count(system.path(alone)) > 0
    }
    let before = system.receiver.count(system.path(wanting))
    try system.publish(1000..<1050)
    try await system.waitUntilEmpty()
    #expect(system.receiver.count(system.path(wanting)) == before, "the other one gets none any more")
    #expect(try await system.stopDispatcher() == .code(0))
  }
}
