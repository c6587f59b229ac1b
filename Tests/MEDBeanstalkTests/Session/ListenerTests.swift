import MEDCore
import MEDLoop
import MEDTestSupport
import Testing

@testable import MEDBeanstalk

@Suite("§4 Listeners of the main queue", .showsServerOutput)
struct ListenerTests {
  private let main = TubeName("main") ?? .standard

  @Test func `a listener that waits for a job is stopped`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withSession(beanstalkd.address) { actor, server in
      let listener = server.listen(to: main)
      try await eventually("waiting") { try beanstalkd.client().stats(tube: "main")?["current-waiting"] == "1" }
      let result = Box<[Job]?>([])
      let waiting = actor.spawn { result.value = await listener.next() }
      listener.stop()
      // Its reserve would wait for ever.
      await waiting.value
      #expect(result.value == nil)
      #expect(await listener.next() == nil)
    }
  }

  @Test func `a listener that is stopped hands over what it has, and nothing of it stays behind`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    for number in 0..<40 { try beanstalkd.client().put("\(number)", into: "main") }
    try await withSession(beanstalkd.address) { actor, server in
      let listener = server.listen(to: main)
      var taken = await listener.next()?.count ?? 0
      taken += await listener.next()?.count ?? 0
      listener.stop()
      while let batch = await listener.next() { taken += batch.count }
      #expect(taken < 40)
      try await eventually("the rest is ready") {
        try beanstalkd.jobs() == JobTotals(ready: 40 - taken, buried: taken)
      }
    }
  }

  @Test func `it never owns more than the batch handed over and one ahead`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    for number in 0..<30 { try beanstalkd.client().put("\(number)", into: "main") }
    try await withSession(beanstalkd.address) { actor, server in
      let listener = server.listen(to: main)
      #expect(await listener.next()?.count == 1)
      try await eventually("one batch ahead") { try beanstalkd.jobs() == JobTotals(ready: 27, buried: 3) }
      #expect(await listener.next()?.count == 2)
      try await eventually("one batch ahead") { try beanstalkd.jobs() == JobTotals(ready: 23, buried: 7) }
    }
    // What was ahead is given back by the close.
    try #expect(beanstalkd.jobs() == JobTotals(ready: 27, buried: 3))
  }

  @Test func `batches begin at one again when the tube has run dry`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    for number in 0..<10 { try beanstalkd.client().put("\(number)", into: "main") }
    try await withSession(beanstalkd.address) { actor, server in
      let witness = try beanstalkd.client()
      let listener = server.listen(to: main)
      var sizes: [Int] = []
      while sizes.reduce(0, +) < 10, let batch = await listener.next() { sizes.append(batch.count) }
      #expect(sizes == [1, 2, 4, 3])
      try await eventually("waiting") { try witness.stats(tube: "main")?["current-waiting"] == "1" }
      for number in 0..<3 { try witness.put("\(number)", into: "main") }
      #expect(await listener.next()?.count == 1)
      #expect(await listener.next()?.count == 2)
    }
  }

  @Test func `it listens again after the server was away`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withSession(beanstalkd.address) { actor, server in
      let listener = server.listen(to: main)
      try beanstalkd.client().put("one", into: "main")
      let first = try #require(await listener.next()?.first)
      try await beanstalkd.restart()
      try beanstalkd.client().put("two", into: "main")
      let second = try #require(await listener.next()?.first)
      #expect(second.body == bytes("two"))
      #expect(second.id.instance != first.id.instance)
    }
  }

  @Test func `jobs whose burys were cut off become ready again`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    for number in 0..<20 { try beanstalkd.client().put("\(number)", into: "main") }
    let proxy = try FaultProxy(to: beanstalkd)
    // The server buries, and the listener never hears of it.
    proxy.add(.cut(beforeForwarding: "BURIED\r\n", .toClient, times: 3))
    try await withSession(proxy.address) { actor, server in
      let listener = server.listen(to: main)
      var bodies: Set<[UInt8]> = []
      while bodies.count < 20, let batch = await listener.next() { bodies.formUnion(batch.map(\.body)) }
      #expect(bodies.count == 20)
      try await eventually("all are ours") { try beanstalkd.jobs() == JobTotals(buried: 20) }
    }
  }
}

/// A place for what a task finds. On one loop only.
final class Box<Value> {
  var value: Value

  init(_ value: Value) { self.value = value }
}
