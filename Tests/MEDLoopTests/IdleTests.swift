import Glibc
import Testing

@testable import MEDLoop

@Suite("MEDLoop: idle", .timeLimit(.minutes(2)))
struct IdleTests {
  @Test func `ten thousand idle sockets cost nothing, and each of them is still heard`() async throws {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    try #require(limit.rlim_cur > 11_000, "the limit of open files is too low for this test")

    try await withLoop { loop in
      let pairs = try (0..<5000).map { _ in try Descriptor.sockets() }
      let heard = Locked<Set<Int32>>([])
      try await loop.call {
        let handler = CallingHandler { _, descriptor in
          heard.withLock { _ = $0.insert(descriptor) }
          loop.remove(descriptor)
        }
        for (a, b) in pairs {
          try loop.add(a.number, events: .readable, handler: handler)
          try loop.add(b.number, events: .readable, handler: handler)
        }
      }
      #expect(try await loop.idleTurns() <= 1)
      for (a, b) in pairs {
        a.write()
        b.write()
      }
      try await eventually { heard.withLock { $0.count } == 10_000 }
      #expect(try await loop.idleTurns() <= 1)
    }
  }

  @Test func `timers and sleeping tasks whose time hasn't come cost no turn`() async throws {
    try await withLoop { loop in
      let actor = LoopActor(loop: loop)
      let task = Task { try await actor.run { try await $0.loop.sleep(for: .seconds(3600)) } }
      try await loop.call {
        for second in 1...1000 { loop.schedule(after: .seconds(100 + second)) {} }
      }
      #expect(try await loop.idleTurns() <= 1)
      task.cancel()
    }
  }
}
