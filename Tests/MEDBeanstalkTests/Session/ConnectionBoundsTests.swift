import MEDCore
import MEDLoop
import MEDTestSupport
import Testing

@testable import MEDBeanstalk

@Suite("§2 What a queue connection keeps at most", .showsServerOutput)
struct ConnectionBoundsTests {
  private let orders = TubeName("orders") ?? .standard

  /// Of a server that is frozen in the tests: nobody gives it up.
  private func patient(_ change: (inout BeanstalkConfiguration) -> Void) -> BeanstalkConfiguration {
    var configuration = BeanstalkConfiguration()
    configuration.replyTimeout = .seconds(300)
    configuration.holdTime = .seconds(300)
    change(&configuration)
    return configuration
  }

  /// After it whatever an earlier turn had to send has been sent, or was kept back.
  private func turn(_ actor: isolated LoopActor) async throws {
    try await actor.loop.sleep(for: .milliseconds(1))  // why: the next turn of the loop, whenever that is
  }

  @Test func `puts wait for the answers under way, until 32 KiB have gathered`() async throws {
    #expect(BeanstalkConfiguration().gatherLimit == 32 << 10)
    let beanstalkd = try await BeanstalkdServer.start()
    let proxy = try FaultProxy(to: beanstalkd)
    let configuration = patient { $0.gatherLimit = 1000 }
    try await withSession(proxy.address, configuration) { actor, server in
      let command = server.commands[0]
      #expect(await server.put([Put(tube: orders, body: [1])]).stored.count == 1)
      proxy.pause()
      let stored = Box(0)
      func put(_ size: Int) async throws {
        actor.spawn {
          let body = [UInt8](repeating: 120, count: size)
          stored.value += await server.put([Put(tube: orders, body: body)]).stored.count
        }
        try await turn(actor)
        try await turn(actor)
      }
      try await put(10)
      let sent = try #require(command.connection?.sent)
      #expect(sent > 0)
      try await put(400)
      try await put(400)
      #expect(command.gatheredBytes == 2 * (400 + CommandConnection.putOverhead))
      #expect(command.connection?.sent == sent)
      try await put(400)
      #expect(command.gatheredBytes == 0)
      #expect(command.connection?.sent == sent + 1, "all in one")
      proxy.resume()
      try await actor.waitUntil("answered") { stored.value == 4 }
    }
    try #expect(beanstalkd.jobs() == JobTotals(ready: 5))
  }

  @Test func `with 256 MiB unsent puts find the server away and settling fails, until the bytes are gone`() async throws
  {
    #expect(BeanstalkConfiguration().outputLimit == 256 << 20)
    let beanstalkd = try await BeanstalkdServer.start()
    let proxy = try FaultProxy(to: beanstalkd)
    let limit = 1 << 20
    let size = 60_000
    let configuration = patient { $0.outputLimit = limit }
    try await withSession(proxy.address, configuration) { actor, server in
      let command = server.commands[0]
      #expect(await server.put([Put(tube: orders, body: [1])]).stored.count == 1)
      let job = try #require(await server.take(1, from: orders).jobs.first)
      proxy.pause()
      let outcomes = Box<[PutOutcome]>([])
      var puts = 0
      var most = 0
      // What the kernel's buffers take comes on top.
      while outcomes.value.isEmpty, puts < 2_000 {
        puts += 1
        actor.spawn {
          outcomes.value += await server.put([Put(tube: orders, body: [UInt8](repeating: 120, count: size))])
        }
        try await turn(actor)
        most = max(most, server.condition.unsentBytes + command.gatheredBytes)
      }
      #expect(outcomes.value == [.unavailable])
      #expect(most > limit && most < limit + 2 * size)
      let deleted = await server.delete([job])
      guard case .failed = try #require(deleted.first) else { throw Missing(description: "failed, not \(deleted)") }

      proxy.resume()
      try await actor.waitUntil("answered") { outcomes.value.count == puts }
      #expect(outcomes.value.stored.count == puts - 1)
      #expect(await server.delete([job]) == [.done])
      #expect(await server.put([Put(tube: orders, body: [2])]).stored.count == 1)
    }
    try #expect(beanstalkd.jobs().buried == 0)
  }
}
