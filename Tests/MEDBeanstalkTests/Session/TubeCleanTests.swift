import Foundation
import MEDCore
import MEDTestSupport
import Testing

@testable import MEDBeanstalk

@Suite("§12 A tube is cleaned of what was there at the beginning", .showsServerOutput)
struct TubeCleanTests {
  private func client(_ server: BeanstalkdServer) async throws -> BeanstalkClient {
    try await BeanstalkClient.connect(to: QueueServerAddress(parsing: server.address))
  }

  private func fill(_ witness: PlainBeanstalk, ready: Int, delayed: Int, buried: Int) throws {
    for number in 0..<buried {
      try witness.put("buried \(number)", into: "orders")
      let job = try #require(try witness.reserve(from: "orders"))
      try witness.bury(job.id)
    }
    for number in 0..<delayed { try witness.put("delayed \(number)", into: "orders", delay: 3600) }
    for number in 0..<ready { try witness.put("ready \(number)", into: "orders") }
  }

  @Test func `newer jobs stay as they were, though they come before older ones`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    nonisolated(unsafe) let witness = try beanstalkd.client()  // why: used by one at a time
    try fill(witness, ready: 50, delayed: 20, buried: 10)
    let newer = Locked<(urgent: [UInt64], soon: [UInt64])>(([], []))
    let client = try await client(beanstalkd)
    let deleted = try await client.clean(tube("orders")) { _ in
      newer.withLock { newer in
        guard newer.urgent.count < 5 else { return }
        if let id = try? witness.put(bytes("urgent"), into: "orders", priority: 7) { newer.urgent.append(id) }
        if let id = try? witness.put("soon", into: "orders", delay: 600) { newer.soon.append(id) }
      }
      return true
    }
    #expect(deleted == 80)
    try #expect(beanstalkd.jobs() == JobTotals(ready: 5, delayed: 5))
    for id in newer.withLock({ $0.urgent }) {
      let job = try #require(try witness.stats(job: id))
      #expect(job["state"] == "ready" && job["pri"] == "7")
    }
    for id in newer.withLock({ $0.soon }) {
      let left = try #require(try witness.stats(job: id)?["time-left"].flatMap(Int.init))
      #expect((1...600).contains(left))
    }
    #expect(try await client.tubes().contains { $0.hasPrefix("medispatcher") } == false)
    await client.close()
  }

  @Test func `it ends while others put and take, and takes none of the newer ones away`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    nonisolated(unsafe) let witness = try beanstalkd.client()  // why: used by one at a time
    try fill(witness, ready: 2_000, delayed: 300, buried: 300)
    let oldest = try witness.put("the last of the old ones", into: "orders")
    let isOver = Locked(false)
    defer { isOver.withLock { $0 = true } }
    let new = Locked<Set<UInt64>>([])
    let producer = OwnThread {
      let own = try beanstalkd.client()
      while !isOver.withLock({ $0 }) {
        let ids = [try own.put("new", into: "orders"), try own.put("new and late", into: "orders", delay: 900)]
        new.withLock { $0.formUnion(ids) }
        usleep(3_000)  // why: a pace that a producer has
      }
    }
    // As a lane works: takes, buries, and deletes a little later.
    let work = Locked<(done: Set<UInt64>, inHand: [UInt64])>(([], []))
    let worker = OwnThread {
      let own = try beanstalkd.client()
      while !isOver.withLock({ $0 }) {
        guard let job = try own.reserve(from: "orders") else { continue }
        try own.bury(job.id)
        let oldest = work.withLock { work in
          work.inHand.append(job.id)
          return work.inHand.count >= 20 ? work.inHand.removeFirst() : nil
        }
        if let oldest, try own.delete(oldest) { work.withLock { _ = $0.done.insert(oldest) } }
      }
    }
    let client = try await client(beanstalkd)
    // Those that were put before it began may go, so only later ones count: numbers tell which came first.
    let boundary = Locked<UInt64?>(nil)
    _ = try await client.clean(tube("orders")) { _ in
      boundary.withLock { $0 = $0 ?? (try? witness.put("it has begun", into: "elsewhere")) }
      return true
    }
    isOver.withLock { $0 = true }
    try await producer.join()
    try await worker.join()
    let (done, inHand) = work.withLock { $0 }
    let left = try beanstalkd.everyJob()
    // One may have been on its way from reserved to buried.
    let old = left.map(\.id).filter { $0 <= oldest }
    #expect(old.count <= 1 && Set(inHand).isSuperset(of: old))
    let since = try #require(boundary.withLock { $0 })
    let lost = new.withLock { $0 }.filter { $0 > since }.subtracting(done).subtracting(left.map(\.id))
    #expect(lost.isEmpty)
    #expect(new.withLock { $0 }.contains { $0 > since })
    await client.close()
  }

  @Test func `a newer buried job in front is waited for, and stays`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    nonisolated(unsafe) let witness = try beanstalkd.client()  // why: used by one at a time
    let isBuried = Locked<UInt64?>(nil)
    try fill(witness, ready: 3, delayed: 0, buried: 0)
    let client = try await client(beanstalkd)
    let calls = Locked(0)
    // A newer one is buried before the last of the old ones.
    let deleted = try await client.clean(tube("orders")) { _ in
      let call = calls.withLock { count in
        count += 1
        return count
      }
      if call == 1, let old = try? witness.reserve(from: "orders"),
        let new = try? witness.put(bytes("new"), into: "orders", priority: 0),
        let taken = try? witness.reserve(from: "orders"), taken.id == new
      {
        _ = try? witness.bury(new)
        _ = try? witness.bury(old.id)
        isBuried.withLock { $0 = new }
      }
      // Its push ends after a while.
      if call == 10, let new = isBuried.withLock({ $0 }) { _ = try? witness.delete(new) }
      return true
    }
    #expect(deleted == 3)
    #expect(isBuried.withLock { $0 } != nil && calls.withLock { $0 } >= 10)
    try #expect(beanstalkd.jobs() == JobTotals())
    await client.close()
  }

  @Test func `it ends when progress says so, and gives back what it holds`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    nonisolated(unsafe) let witness = try beanstalkd.client()  // why: used by one at a time
    try fill(witness, ready: 10, delayed: 0, buried: 0)
    let client = try await client(beanstalkd)
    let deleted = try await client.clean(tube("orders")) { done in
      if done == 2 { _ = try? witness.put(bytes("urgent"), into: "orders", priority: 0) }
      return done < 4
    }
    #expect(deleted == 4)
    try #expect(beanstalkd.jobs() == JobTotals(ready: 7))
    await client.close()
  }

  @Test func `a server that takes no jobs is cleaned too`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    try fill(try beanstalkd.client(), ready: 10, delayed: 2, buried: 2)
    try await beanstalkd.drain()
    let client = try await client(beanstalkd)
    #expect(try await client.clean(tube("orders")) == 14)
    #expect(try await client.clean(tube("nowhere")) == 0)
    try #expect(beanstalkd.jobs() == JobTotals())
    await client.close()
  }
}

/// Runs what blocks: the pool that tests run on has two threads.
private final class OwnThread: Sendable {
  private let end = Locked<Result<Void, any Error>?>(nil)

  init(_ body: @escaping @Sendable () throws -> Void) {
    let end = end
    Thread.detachNewThread {
      let result = Result { try body() }
      end.withLock { $0 = result }
    }
  }

  func join() async throws {
    try await eventually("a thread has ended") { end.withLock { $0 } != nil }
    try end.withLock { $0 }?.get()
  }
}
