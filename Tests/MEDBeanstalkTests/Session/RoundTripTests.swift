import MEDCore
import MEDLoop
import MEDTestSupport
import Testing

@testable import MEDBeanstalk

@Suite("§2 Queue state: the life of a job", .showsServerOutput)
struct RoundTripTests {
  @Test func `a job that was put is taken buried, and gone after its delete`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let orders = try tube("orders/sub-queue/1")
    try await withSession(beanstalkd.address) { actor, server in
      let outcomes = await server.put([Put(tube: orders, body: bytes("one")), Put(tube: orders, body: bytes("two"))])
      #expect(outcomes.stored.count == 2)
      let taken = await server.take(5, from: orders)
      #expect(taken.jobs.map(\.body) == [bytes("one"), bytes("two")])
      #expect(taken.jobs.map(\.id.number) == outcomes.stored)
      #expect(taken.ranDry)
      try #expect(beanstalkd.jobs() == JobTotals(buried: 2))
      #expect(await server.kick([taken.jobs[0]]) == [.done])
      #expect(await server.delete([taken.jobs[1]]) == [.done])
      try #expect(beanstalkd.jobs() == JobTotals(ready: 1))
      #expect(await server.delete([taken.jobs[1]]) == [.notFound])
    }
  }

  @Test func `a listener hands over all jobs of a tube once, in batches that grow`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let main = try tube("main")
    let witness = try beanstalkd.client()
    for number in 0..<300 { try witness.put("\(number)", into: "main") }
    try await withSession(beanstalkd.address) { actor, server in
      let listener = server.listen(to: main)
      var bodies: [[UInt8]] = []
      var sizes: [Int] = []
      while bodies.count < 300, let batch = await listener.next() {
        sizes.append(batch.count)
        bodies += batch.map(\.body)
      }
      #expect(bodies == (0..<300).map { bytes("\($0)") })
      #expect(sizes.prefix(7) == [1, 2, 4, 8, 16, 32, 64])
      listener.stop()
      #expect(await listener.next() == nil)
    }
    try #expect(beanstalkd.jobs() == JobTotals(buried: 300))
  }

  @Test func `10,000 jobs go through take, put and delete exactly once`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let main = try tube("main")
    let channels = try (1...5).map { try tube("orders/sub-queue/\($0)") }
    try await withSession(beanstalkd.address) { actor, server in
      let puts = (0..<10_000).map { Put(tube: main, body: bytes("\($0)")) }
      #expect(await server.put(puts).stored.count == 10_000)
      let listener = server.listen(to: main)
      var moved = 0
      while moved < 10_000, let batch = await listener.next() {
        let copies = batch.map { Put(tube: channels[Int($0.id.number % 5)], body: $0.body) }
        #expect(await server.put(copies).stored.count == batch.count)
        #expect(await server.delete(batch).allSatisfy { $0 == .done })
        moved += batch.count
      }
      var seen: Set<[UInt8]> = []
      var count = 0
      for channel in channels {
        var isDry = false
        while !isDry {
          let taken = await server.take(32, from: channel)
          isDry = taken.ranDry
          count += taken.jobs.count
          seen.formUnion(taken.jobs.map(\.body))
          #expect(await server.delete(taken.jobs).allSatisfy { $0 == .done })
        }
      }
      #expect(count == 10_000)
      #expect(seen.count == 10_000)
    }
    try #expect(beanstalkd.jobs() == JobTotals())
  }
}
