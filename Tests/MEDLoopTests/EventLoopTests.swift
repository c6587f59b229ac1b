import MEDLoop
import Testing

@Suite("MEDLoop: executor")
struct EventLoopTests {
  @Test func `an actor on a loop and the tasks it spawns run on the loop's thread`() async throws {
    let loop = try EventLoop.start()
    defer { loop.stop() }
    let actor = LoopActor(loop: loop)
    let onLoop = await actor.run { actor in
      let before = actor.loop.isOnLoop
      final class Seen { var onLoop = false }
      let seen = Seen()
      await actor.spawn { seen.onLoop = actor.loop.isOnLoop }.value
      try? await actor.loop.sleep(for: .milliseconds(2))
      return [before, seen.onLoop, actor.loop.isOnLoop]
    }
    #expect(onLoop == [true, true, true])
    #expect(!loop.isOnLoop)
  }

  @Test func `a task that prefers the loop runs there`() async throws {
    let loop = try EventLoop.start()
    defer { loop.stop() }
    let isOnLoop = await Task(executorPreference: loop.taskExecutor) { @concurrent in loop.isOnLoop }.value
    #expect(isOnLoop)
  }
}
