import Glibc
import Testing

@testable import MEDLoop

@Suite("MEDLoop: descriptors", .timeLimit(.minutes(2)))
struct DescriptorTests {
  /// Adds `descriptor`; its events are noted.
  private func watch(
    _ descriptor: Descriptor, for events: IOEvents, on loop: EventLoop
  ) async throws -> Locked<[IOEvents]> {
    let seen = Locked<[IOEvents]>([])
    try await loop.call {
      let handler = CallingHandler { events, _ in seen.withLock { $0.append(events) } }
      try loop.add(descriptor.number, events: events, handler: handler)
    }
    return seen
  }

  @Test func `a ready descriptor is reported until it is removed`() async throws {
    try await withLoop { loop in
      let (a, b) = try Descriptor.sockets()
      let seen = try await watch(a, for: .readable, on: loop)
      #expect(try await loop.idleTurns() <= 1)
      #expect(seen.withLock { $0 } == [])
      b.write()
      try await eventually { seen.withLock { $0.count } >= 3 }
      #expect(seen.withLock { Set($0.map(\.rawValue)) } == [IOEvents.readable.rawValue])
      let count = try await loop.call {
        loop.remove(a.number)
        return seen.withLock { $0.count }
      }
      #expect(try await loop.idleTurns() <= 1)
      #expect(seen.withLock { $0.count } == count)
    }
  }

  @Test func `without interest neither data nor a hang-up is reported, nor keeps the loop busy`() async throws {
    try await withLoop { loop in
      let (a, b) = try Descriptor.sockets()
      let seen = try await watch(a, for: .readable, on: loop)
      try await loop.call { try loop.setInterest([], of: a.number) }
      b.write()
      b.close()
      _ = try await loop.idleTurns()  // the first event makes the loop tell the kernel
      #expect(try await loop.idleTurns() <= 1)
      #expect(seen.withLock { $0 } == [])
      try await loop.call { try loop.setInterest(.readable, of: a.number) }
      try await eventually { seen.withLock { $0.first } == [.readable, .hungUp] }
    }
  }

  @Test(arguments: [IOEvents.readable, []])
  func `interest in writing that was dropped is not reported once more`(_ rest: IOEvents) throws {
    let (a, b) = try Descriptor.sockets()
    var poller = try Poller()
    try poller.add(a.number, events: [.readable, .writable], handler: CallingHandler { _, _ in })
    poller.wait(atMost: .zero)
    #expect(poller.nextReady()?.events == .writable)
    try poller.setInterest(rest, of: a.number)
    poller.wait(atMost: .zero)
    #expect(poller.ready.isEmpty)
    withExtendedLifetime(b) {}
  }

  @Test(arguments: [IOEvents.readable, []])
  func `interest in writing can be dropped and taken up again`(_ rest: IOEvents) async throws {
    try await withLoop { loop in
      let (a, b) = try Descriptor.sockets()
      let seen = try await watch(a, for: [.readable, .writable], on: loop)
      try await eventually { !seen.withLock { $0.isEmpty } }
      let count = try await loop.call {
        try loop.setInterest(rest, of: a.number)
        return seen.withLock { $0.count }
      }
      #expect(try await loop.idleTurns() <= 1)
      #expect(seen.withLock { $0.count } == count)
      try await loop.call { try loop.setInterest(.readable, of: a.number) }
      b.write()
      try await eventually { seen.withLock { $0.last } == .readable }
    }
  }

  @Test func `data that nobody wants to read doesn't keep a writer's loop busy`() async throws {
    try await withLoop { loop in
      let (a, b) = try Descriptor.sockets()
      a.fill()
      let seen = try await watch(a, for: [.readable, .writable], on: loop)
      try await loop.call { try loop.setInterest(.writable, of: a.number) }
      b.write()
      _ = try await loop.idleTurns()
      #expect(try await loop.idleTurns() <= 1)
      #expect(seen.withLock { $0 } == [])
      b.drain()
      try await eventually { seen.withLock { $0.first } == .writable }
    }
  }

  @Test func `interest dropped and taken up within a turn goes on`() async throws {
    try await withLoop { loop in
      let (a, b) = try Descriptor.sockets()
      let seen = try await watch(a, for: .readable, on: loop)
      try await loop.call {
        for _ in 0..<3 {
          try loop.setInterest([], of: a.number)
          try loop.setInterest(.readable, of: a.number)
        }
      }
      b.write()
      try await eventually { !seen.withLock { $0.isEmpty } }
    }
  }

  @Test func `a failure alone is reported as readiness for what is wanted`() async throws {
    try await withLoop { loop in
      let (reader, writer) = try Descriptor.pipe()
      writer.fill()
      let failures = try await watch(writer, for: .writable, on: loop)
      reader.close()
      try await eventually { failures.withLock { $0.first } == [.writable, .failed] }

      let (otherReader, otherWriter) = try Descriptor.pipe()
      let hangUps = try await watch(otherReader, for: .readable, on: loop)
      otherWriter.close()
      try await eventually { hangUps.withLock { $0.first } == [.readable, .hungUp] }
    }
  }

  @Test func `more ready descriptors than a turn takes are all served`() async throws {
    try await withLoop { loop in
      let pairs = try (0..<300).map { _ in try Descriptor.sockets() }
      let seen = Locked<Set<Int32>>([])
      try await loop.call {
        let handler = CallingHandler { _, descriptor in seen.withLock { _ = $0.insert(descriptor) } }
        for (a, b) in pairs {
          b.write()
          try loop.add(a.number, events: .readable, handler: handler)
        }
      }
      try await eventually { seen.withLock { $0.count } == 300 }
    }
  }

  @Test func `a handler may be removed by another of the same turn, and isn't called after that`() async throws {
    try await withLoop { loop in
      let pairs = try (0..<2).map { _ in try Descriptor.sockets() }
      let numbers = pairs.map(\.0.number)
      let seen = Locked<[Int32]>([])
      try await loop.call {
        let handler = CallingHandler { _, descriptor in
          seen.withLock { $0.append(descriptor) }
          for number in numbers { loop.remove(number) }
        }
        for number in numbers { try loop.add(number, events: .readable, handler: handler) }
        for (_, b) in pairs { b.write() }
      }
      _ = try await loop.idleTurns()
      #expect(seen.withLock { $0 } == [numbers[0]])
    }
  }

  @Test func `what goes with a handler may use the loop`() async throws {
    try await withLoop { loop in
      let pairs = try (0..<2).map { _ in try Descriptor.sockets() }
      let witness = try await loop.call {
        let second = CallingHandler { _, _ in }
        try loop.add(pairs[1].0.number, events: .readable, handler: second)
        let farewell = Farewell { loop.remove(pairs[1].0.number) }
        try loop.add(
          pairs[0].0.number, events: .readable, handler: CallingHandler { _, _ in withExtendedLifetime(farewell) {} })
        return Witness(second)
      }
      try await loop.call { loop.remove(pairs[0].0.number) }
      #expect(witness.object == nil)
    }
  }

  @Test func `a descriptor that can't be watched is refused, and its number stays usable`() async throws {
    try await withLoop { loop in
      let file = Descriptor(open("/dev/null", O_RDONLY | O_CLOEXEC))
      await #expect(throws: LoopError.self) { _ = try await watch(file, for: .readable, on: loop) }
      let (a, b) = try Descriptor.sockets()
      file.replace(with: a)
      let seen = try await watch(file, for: .readable, on: loop)
      b.write()
      try await eventually { !seen.withLock { $0.isEmpty } }
      try await loop.call { loop.remove(file.number) }
    }
  }
}
