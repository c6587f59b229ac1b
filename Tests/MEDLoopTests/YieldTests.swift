import MEDLoop
import Testing

final class Plain {
  let loop: EventLoop
  init(loop: EventLoop) { self.loop = loop }
  func yielding() async -> Bool {
    await Task.yield()
    return loop.isOnLoop
  }
  func continuing() async -> Bool {
    await withUnsafeContinuation { c in c.resume() }
    return loop.isOnLoop
  }
  func sleeping() async -> Bool {
    try? await Task.sleep(for: .milliseconds(1))  // why: where the task goes on after it is what is tested
    return loop.isOnLoop
  }
}

final class Spawner {
  let actor: LoopActor
  var result: [Bool] = []
  init(_ actor: LoopActor) { self.actor = actor }
  func go() -> Task<Void, Never> {
    let plain = Plain(loop: actor.loop)
    return actor.spawn {
      self.result.append(await plain.continuing())
      self.result.append(self.actor.loop.isOnLoop)
      self.result.append(await plain.sleeping())
      self.result.append(self.actor.loop.isOnLoop)
      self.result.append(await plain.yielding())
      self.result.append(self.actor.loop.isOnLoop)
    }
  }
}

@Suite struct YieldTests {
  @Test func `what is awaited in a plain class comes back to the loop`() async throws {
    let loop = try EventLoop.start()
    defer { loop.stop() }
    let actor = LoopActor(loop: loop)
    let r = await actor.run { actor in
      var result: [Bool] = []
      let plain = Plain(loop: actor.loop)
      result.append(await plain.continuing())
      result.append(await plain.sleeping())
      result.append(await plain.yielding())
      return result
    }
    #expect(r == [true, true, true])
    let r2 = await actor.run { actor in
      final class Box { var result: [Bool] = [] }
      let box = Box()
      let plain = Plain(loop: actor.loop)
      await actor.spawn {
        box.result.append(await plain.continuing())
        box.result.append(await plain.sleeping())
        box.result.append(await plain.yielding())
      }.value
      return box.result
    }
    #expect(r2 == [true, true, true])
    let r3 = await actor.run { actor in
      let spawner = Spawner(actor)
      await spawner.go().value
      return spawner.result
    }
    #expect(r3 == [true, true, true, true, true, true])
  }
}
