import Testing

@testable import MEDLoop

@Suite("MEDLoop: descriptor numbers used again", .timeLimit(.minutes(2)))
struct DescriptorReuseTests {
  @Test func `an event of a closed descriptor never reaches its successor`() async throws {
    try await withLoop { loop in
      let (trigger, triggerPeer) = try Descriptor.sockets()
      let (old, oldPeer) = try Descriptor.sockets()
      let (new, newPeer) = try Descriptor.sockets()
      let seen = Locked<[String]>([])
      try await loop.call {
        // Both get ready before the next turn looks, the trigger first.
        let heir = CallingHandler { _, _ in
          seen.withLock { $0.append("heir") }
          loop.remove(old.number)
        }
        try loop.add(
          trigger.number, events: .readable,
          handler: CallingHandler { _, _ in
            seen.withLock { $0.append("trigger") }
            loop.remove(trigger.number)
            loop.remove(old.number)
            old.replace(with: new)
            do { try loop.add(old.number, events: .readable, handler: heir) } catch { Issue.record(error) }
          })
        let owner = CallingHandler { _, _ in seen.withLock { $0.append("old") } }
        try loop.add(old.number, events: .readable, handler: owner)
        triggerPeer.write()
        oldPeer.write()
      }
      _ = try await loop.idleTurns()
      #expect(seen.withLock { $0 } == ["trigger"])
      newPeer.write()
      try await eventually { seen.withLock { $0 } == ["trigger", "heir"] }
    }
  }

  @Test func `a number whose owner closed it without a word, wanting nothing, can be taken over`() async throws {
    try await withLoop { loop in
      let (old, oldPeer) = try Descriptor.sockets()
      let (new, newPeer) = try Descriptor.sockets()
      let seen = Locked<[String]>([])
      try await loop.call {
        let owner = CallingHandler { _, _ in seen.withLock { $0.append("old") } }
        try loop.add(old.number, events: .readable, handler: owner)
        try loop.setInterest([], of: old.number)
        old.replace(with: new)
        let heir = CallingHandler { _, _ in seen.withLock { $0.append("new") } }
        try loop.add(old.number, events: .readable, handler: heir)
      }
      oldPeer.write()
      newPeer.write()
      try await eventually { !seen.withLock { $0.isEmpty } }
      try await loop.call { loop.remove(old.number) }
      #expect(seen.withLock { Set($0) } == ["new"])
    }
  }

  @Test func `an owner may close a descriptor and go on with another of the same number`() async throws {
    try await withLoop { loop in
      let (old, oldPeer) = try Descriptor.sockets()
      let (new, newPeer) = try Descriptor.sockets()
      let count = Locked(0)
      try await loop.call {
        try loop.add(old.number, events: .readable, handler: CallingHandler { _, _ in count.withLock { $0 += 1 } })
        old.replace(with: new)
        try loop.setInterest([.readable, .writable], of: old.number)
        try loop.setInterest(.readable, of: old.number)
      }
      #expect(try await loop.idleTurns() <= 1)
      newPeer.write()
      try await eventually { count.withLock { $0 } > 0 }
      withExtendedLifetime(oldPeer) {}
    }
  }

  @Test func `sockets come and go by the thousand without a stray event`() async throws {
    try await withLoop { loop in
      let strays = Locked(0)
      let hits = Locked(0)
      for round in 0..<1000 {
        let (a, b) = try Descriptor.sockets()
        try await loop.call {
          let handler = CallingHandler { _, descriptor in
            // Every other socket is closed before anything came.
            (round.isMultiple(of: 2) ? hits : strays).withLock { $0 += 1 }
            loop.remove(descriptor)
          }
          try loop.add(a.number, events: .readable, handler: handler)
          if round.isMultiple(of: 2) { return b.write() }
          loop.remove(a.number)
          b.write()
          a.close()
        }
        if round.isMultiple(of: 2) { try await eventually { hits.withLock { $0 } == round / 2 + 1 } }
      }
      #expect(strays.withLock { $0 } == 0)
    }
  }
}
