import MEDCore
import MEDLoop
import MEDTestSupport
import Testing

@testable import MEDBeanstalk

@Suite("§2 Tubes exist no longer than they are worked on", .showsServerOutput)
struct HoldTests {
  private let orders = TubeName("orders/sub-queue/1") ?? .standard

  private var quick: BeanstalkConfiguration {
    var configuration = BeanstalkConfiguration()
    configuration.holdTime = .milliseconds(100)
    configuration.idleTakeTime = .milliseconds(100)
    return configuration
  }

  @Test func `a held tube is seen as watched until it is released as often as it was held`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let name = orders.description
    try await withSession(beanstalkd.address, quick) { actor, server in
      let witness = try beanstalkd.client()
      server.hold(orders)
      server.hold(orders)
      try await eventually("watched") { try witness.stats(tube: name)?["current-watching"] == "1" }
      server.release(orders)
      try await actor.loop.sleep(for: .milliseconds(300))  // why: nothing is to happen meanwhile
      #expect(try await server.statistics(of: orders)?.watching == 1)
      server.release(orders)
      try await eventually("gone") { try witness.stats(tube: name) == nil }
    }
  }

  @Test func `a held tube is held again after a reconnect`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let name = orders.description
    try await withSession(beanstalkd.address, quick) { actor, server in
      server.hold(orders)
      try await eventually("watched") { try beanstalkd.client().stats(tube: name)?["current-watching"] == "1" }
      try await beanstalkd.restart()
      try await eventually("watched again") { try beanstalkd.client().stats(tube: name)?["current-watching"] == "1" }
    }
  }

  @Test func `a tube that was put into and emptied goes when nothing more is put into it`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let names = (0..<20).map { "orders/sub-queue/\($0)" }
    let tubes = try names.map { try tube($0) }
    try await withSession(beanstalkd.address, quick) { actor, server in
      let witness = try beanstalkd.client()
      #expect(await server.put(tubes.map { Put(tube: $0, body: [1]) }).stored.count == 20)
      for tube in tubes {
        let taken = await server.take(2, from: tube)
        #expect(await server.delete(taken.jobs) == [.done])
      }
      try await eventually("only default is left") { try witness.listTubes() == ["default"] }
    }
  }

  @Test func `beyond their number the tubes not used for longest are let go`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    var configuration = BeanstalkConfiguration()
    configuration.maximumHolds = 8
    let tubes = try (0..<40).map { try tube("t\($0)") }
    try await withSession(beanstalkd.address, configuration) { actor, server in
      for tube in tubes { #expect(await server.put([Put(tube: tube, body: [1])]).stored.count == 1) }
      let watched = try beanstalkd.client().listTubes().filter {
        try beanstalkd.client().stats(tube: $0)?["current-watching"] == "1"
      }
      #expect(watched.count <= 8)
      #expect(watched.contains("t39"))
    }
  }

  @Test func `an idle take connection gives its tube back`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let name = orders.description
    try await withSession(beanstalkd.address, quick) { actor, server in
      let witness = try beanstalkd.client()
      #expect(await server.take(1, from: orders).ranDry)
      #expect(try witness.stats(tube: name)?["current-watching"] == "1")
      try await eventually("gone") { try witness.stats(tube: name) == nil }
      #expect(await server.take(1, from: orders).ranDry)
    }
  }

  @Test func `the same holds for the tube default`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withSession(beanstalkd.address, quick) { actor, server in
      #expect(await server.put([Put(tube: .standard, body: [1]), Put(tube: orders, body: [2])]).stored.count == 2)
      let taken = await server.take(1, from: .standard)
      #expect(await server.delete(taken.jobs) == [.done])
      try await actor.loop.sleep(for: .milliseconds(300))  // why: nothing is to happen meanwhile
      #expect(await server.put([Put(tube: .standard, body: [1])]).stored.count == 1)
      #expect(await server.take(1, from: .standard).jobs.map(\.body) == [[1]])
      #expect(await server.take(1, from: orders).jobs.map(\.body) == [[2]])
    }
  }

  @Test func `puts of many tubes go where they belong, in their order`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let tubes = try (0..<50).map { try tube("t\($0)") }
    try await withSession(beanstalkd.address) { actor, server in
      let puts = (0..<2000).map { Put(tube: tubes[($0 * 7) % 50], body: bytes("\($0)")) }
      #expect(Set(await server.put(puts).stored).count == 2000)
      for (index, tube) in tubes.enumerated() {
        let taken = await server.take(100, from: tube)
        #expect(taken.jobs.map(\.body) == (0..<2000).filter { ($0 * 7) % 50 == index }.map { bytes("\($0)") })
      }
    }
  }
}
