import MEDLoop
import Testing

@testable import MEDCore

@Suite("§8 Commands: changes one after the other")
struct ChangeTurnsTests {
  @Test func `changes past 1,000 that wait are refused, and those that wait get their turns in order`() async throws {
    let turns = ChangeTurns()
    let order = Locked<[Int]>([])
    try await turns.take()
    var tasks: [Task<Void, any Error>] = []
    for number in 0..<ChangeTurns.bound {
      tasks.append(
        Task {
          try await turns.take()
          order.withLock { $0.append(number) }
          turns.leave()
        })
      // Each of them waits before the next one comes.
      while turns.waiting <= number { await Task.yield() }
    }
    let error = await #expect(throws: ControlError.self) { try await turns.take() }
    #expect(error?.code == .busy)
    turns.leave()
    for task in tasks { try await task.value }
    #expect(order.withLock { $0 } == Array(0..<ChangeTurns.bound))
  }
}
