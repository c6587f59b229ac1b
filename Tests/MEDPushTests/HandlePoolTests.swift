import Testing

@testable import MEDCurl

@Suite("§5 Handles that are kept")
struct HandlePoolTests {
  private final class Handle {}

  private let start = ContinuousClock.now

  /// Uses one handle of `target` and gives it back.
  private func use(_ pool: inout HandlePool<Handle>, _ target: String, after seconds: Int = 0) -> Handle {
    let (target, idle) = pool.take(target, concurrency: 1, at: start + .seconds(seconds))
    let handle = idle ?? Handle()
    pool.giveBack(handle, to: target)
    return handle
  }

  @Test func `the handle used last serves the next exchange, whatever its target`() {
    var pool = HandlePool<Handle>(limit: 10)
    let a = use(&pool, "a")
    #expect(use(&pool, "b") === a)
    #expect(pool.idleCount == 1)
    #expect(pool.targetCount == 2)
  }

  @Test func `past the limit a handle is let go`() {
    var pool = HandlePool<Handle>(limit: 3)
    let targets = (0..<5).map { pool.take("\($0)", concurrency: 1, at: start).target }
    for target in targets { pool.giveBack(Handle(), to: target) }
    #expect(pool.idleCount == 3)
  }

  @Test func `however many targets there were, no more handles are kept than were in use at once`() {
    var pool = HandlePool<Handle>(limit: 16)
    for round in 0..<1000 {
      _ = use(&pool, "\(round % 100)")
      #expect(pool.idleCount == 1)
    }
  }

  @Test func `a limit of 0 keeps none`() {
    var pool = HandlePool<Handle>(limit: 0)
    let a = use(&pool, "a")
    #expect(use(&pool, "a") !== a)
    #expect(pool.idleCount == 0)
  }

  @Test func `a target not used for a while is forgotten, and then the handle too`() {
    var pool = HandlePool<Handle>(limit: 10)
    _ = use(&pool, "old", after: 0)
    let new = use(&pool, "new", after: 50)
    pool.forget(unusedSince: start + .seconds(40))
    #expect(pool.targetCount == 1)
    #expect(pool.idleCount == 1)
    #expect(pool.concurrency == 1)
    #expect(use(&pool, "new", after: 51) === new)
    pool.forget(unusedSince: start + .seconds(60))
    pool.forget(unusedSince: start + .seconds(60))
    #expect(pool.isEmpty)
    #expect(pool.idleCount == 0)
    #expect(pool.concurrency == 0)
  }

  @Test func `a target with an exchange under way is not forgotten`() {
    var pool = HandlePool<Handle>(limit: 10)
    let (target, _) = pool.take("a", concurrency: 1, at: start)
    pool.forget(unusedSince: start + .seconds(100))
    #expect(pool.targetCount == 1)
    pool.giveBack(Handle(), to: target)
    #expect(pool.idleCount == 1)
  }

  @Test func `handles of a burst are let go when they were not needed for a while`() {
    var pool = HandlePool<Handle>(limit: 100)
    let targets = (0..<50).map { _ in pool.take("a", concurrency: 50, at: start).target }
    for target in targets { pool.giveBack(Handle(), to: target) }
    pool.forget(unusedSince: start)
    #expect(pool.idleCount == 50)
    _ = use(&pool, "a", after: 1)
    pool.forget(unusedSince: start)
    #expect(pool.idleCount == 1)
  }

  @Test func `concurrency is what was asked for, or what really ran if that is more`() {
    var pool = HandlePool<Handle>(limit: 100)
    for _ in 0..<3 { _ = pool.take("a", concurrency: 2, at: start) }
    _ = pool.take("b", concurrency: 7, at: start)
    #expect(pool.concurrency == 10)
  }
}
