import MEDBeanstalk
import MEDCore
import MEDTestSupport
import Testing

@Suite("The client: consuming", .showsServerOutput)
struct ConsumeTests {
  private let orders = TubeName("orders")!

  @Test func `several workers do all jobs, so many at a time, until they are cancelled`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withClient(beanstalkd.address) { client in
      _ = await client.put((0..<100).map { Put(tube: orders, body: bytes("\($0)")) })
      let state = MEDTestSupport.Locked((seen: Set<String>(), running: 0, most: 0))
      let consuming = Task {
        try await client.consume([orders], options: .init(workers: 3)) { job in
          state.withLock {
            $0.seen.insert(job.text)
            $0.running += 1
            $0.most = max($0.most, $0.running)
          }
          await Task.yield()
          state.withLock { $0.running -= 1 }
        }
      }
      try await eventually("all are gone", within: .seconds(30)) { try beanstalkd.jobs() == JobTotals() }
      #expect(state.withLock { $0.seen.count } == 100)
      #expect(state.withLock { $0.most } <= 3)
      consuming.cancel()
      await #expect(throws: CancellationError.self) { try await consuming.value }
      try await eventually("their connections are closed") {
        try beanstalkd.client().stats()["current-connections"] == "3"
      }
    }
  }

  @Test func `a job whose handler throws is released or buried`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withClient(beanstalkd.address) { client in
      for (afterFailure, expected) in [
        (BeanstalkClient.AfterFailure.release(delay: 3600), JobTotals(delayed: 1)),
        (.bury, JobTotals(delayed: 1, buried: 1)),
      ] {
        _ = try await client.put(bytes("a"), into: orders)
        let options = BeanstalkClient.ConsumeOptions(workers: 1, afterFailure: afterFailure)
        let consuming = Task {
          try await client.consume([orders], options: options) { _ in throw Missing(description: "on purpose") }
        }
        try await eventually("put aside", within: .seconds(20)) { try beanstalkd.jobs() == expected }
        consuming.cancel()
        _ = await consuming.result
      }
    }
  }

  @Test func `a handler that is cut short by a stop leaves its job ready`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try await withClient(beanstalkd.address) { client in
      _ = try await client.put(bytes("a"), into: orders, priority: 6)
      let consuming = Task {
        try await client.consume([orders]) { _ in try await Task.sleep(for: .seconds(3600)) }  // why: until cancelled
      }
      try await eventually("in hand", within: .seconds(20)) { try beanstalkd.jobs() == JobTotals(reserved: 1) }
      consuming.cancel()
      await #expect(throws: CancellationError.self) { try await consuming.value }
      try #expect(beanstalkd.jobs() == JobTotals(ready: 1))
      try #expect(beanstalkd.client().stats(job: 1)?["pri"] == "6")
    }
  }

  @Test func `consuming goes on after the server died, and ends when the client is closed`() async throws {
    let beanstalkd = try await BeanstalkdServer.start(binlog: true)
    try await withClient(beanstalkd.address, quickReconnects) { client in
      let seen = MEDTestSupport.Locked<[String]>([])
      let consuming = Task {
        try await client.consume([orders]) { job in seen.withLock { $0.append(job.text) } }
      }
      try beanstalkd.client().put("a", into: "orders")
      try await eventually("a is done", within: .seconds(20)) { try beanstalkd.jobs() == JobTotals() }
      try await beanstalkd.crash()
      try await beanstalkd.start()
      try beanstalkd.client().put("b", into: "orders")
      try await eventually("b is done", within: .seconds(20)) { seen.withLock { $0.contains("b") } }
      await client.close()
      await expectFailure(.closed) { try await consuming.value }
    }
  }
}
