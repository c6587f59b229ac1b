import Logging
import MEDLoop
import MEDTestSupport
import NIOPosix
import ServiceLifecycle
import Testing

@testable import MEDRPC

@Suite("§9 Console: lines")
struct ConsoleLinesTests {
  private static func events(_ parts: [[UInt8]]) -> [ConsoleLines.Event] {
    var lines = ConsoleLines()
    var events: [ConsoleLines.Event] = []
    for part in parts {
      lines.append(part)
      while let event = lines.next() { events.append(event) }
    }
    return events
  }

  @Test(arguments: ["stats\r\nQUIT\n", "  stats \t\r\nquit\r\n", "\r\nstats\n\n\nquit\n"])
  func `lines end with LF or CR LF, blanks and empty lines don't count`(text: String) {
    let words = Self.events([Array(text.utf8)]).filter { $0 != .line("") }
    #expect(words == [.line("stats"), .line("quit")])
  }

  @Test func `however they arrive, lines are the same`() {
    let bytes = Array("stats\r\n\u{1}é\nstatsz\nhalf".utf8)
    let whole = Self.events([bytes])
    #expect(whole == [.line("stats"), .line("???"), .line("statsz")])
    #expect(Self.events(bytes.map { [$0] }) == whole)
    for cut in bytes.indices { #expect(Self.events([Array(bytes[..<cut]), Array(bytes[cut...])]) == whole) }
  }

  @Test func `a line of 128 bytes is one, a longer one is the end`() {
    let longest = Array(repeating: UInt8(ascii: "x"), count: ConsoleLines.maximumLength)
    #expect(ConsoleLines.maximumLength == 128)
    for end in ["\n", "\r\n"] {
      #expect(Self.events([longest + Array(end.utf8)]) == [.line(String(decoding: longest, as: UTF8.self))])
      #expect(Self.events([longest + [0x78] + Array(end.utf8), Array("stats\n".utf8)]) == [.tooLong])
    }
    #expect(Self.events([longest, [0x78, 0x78]]) == [.tooLong])
    #expect(Self.events([Array(repeating: 0xFF, count: 100_000)]) == [.tooLong])
  }

  @Test func `what is held is what has arrived, and nothing after the end`() {
    var lines = ConsoleLines()
    lines.append(Array("a\nbc".utf8))
    #expect(lines.heldBytes == 4 && lines.next() == .line("a") && lines.heldBytes == 2)
    lines.append(Array(repeating: 0x78, count: 500))
    #expect(lines.next() == .tooLong && lines.heldBytes == 0)
    lines.append(Array("stats\n".utf8))
    #expect(lines.next() == nil && lines.heldBytes == 0)
  }
}

@Suite("§9 Console: the server")
struct ConsoleServerTests {
  @Test func `a word is answered, as often as it is typed, until quit`() async throws {
    try await withConsole { port, server in
      let client = try PlainLines(port: port)
      for _ in 0..<3 {
        try client.send("echo\r\n")
        #expect(try client.line() == "an answer")
      }
      try client.send("ECHO\necho\nquit\n")
      #expect(try client.readToEnd() == "an answer\r\nan answer\r\nBye\r\n")
      try await eventually("it is gone") { server.connections == 0 }
    }
  }

  @Test(arguments: ["Quit", "exit", "close"])
  func `other words for quit are known`(word: String) async throws {
    try await withConsole { port, _ in
      let client = try PlainLines(port: port)
      try client.send(word + "\r\n")
      #expect(try client.readToEnd() == "Bye\r\n")
    }
  }

  @Test func `an unknown word is answered with those that are known, and nothing of it is said`() async throws {
    try await withConsole { port, _ in
      let client = try PlainLines(port: port)
      try client.send("\u{1b}[2Jhelp\r\n")
      #expect(try client.line() == "unknown command, expected echo, last, long, hang, quit")
      try client.send("echo\n")
      #expect(try client.line() == "an answer")
    }
  }

  @Test func `an answer that isn't text ends the connection`() async throws {
    try await withConsole { port, _ in
      let client = try PlainLines(port: port)
      try client.send("last\necho\n")
      #expect(try client.readToEnd() == "\u{0}\u{1}")
    }
  }

  @Test func `a client that closes its half still gets its answers`() async throws {
    try await withConsole { port, _ in
      let client = try PlainLines(port: port)
      try client.send("echo\necho\nec")
      client.endSending()
      #expect(try client.readToEnd() == "an answer\r\nan answer\r\n")
    }
  }

  @Test func `hostile input ends its connection and no other`() async throws {
    try await withConsole { port, server in
      let good = try PlainLines(port: port)
      for bytes in [
        Array(repeating: UInt8(0xFF), count: 100_000),
        Array("GET / HTTP/1.1\r\nHost: \(String(repeating: "x", count: 500))\r\n".utf8),
        Array(repeating: UInt8(0), count: 200), Array(repeating: UInt8(ascii: "x"), count: 1 << 20),
      ] {
        let bad = try PlainLines(port: port)
        // It may have hung up before all is sent.
        try? bad.send(bytes)
        let told = (try? bad.readToEnd()) ?? ""
        #expect(told.isEmpty || told.hasSuffix("a line has at most 128 bytes\r\n"))
      }
      let newlines = try PlainLines(port: port)
      try newlines.send(Array(repeating: UInt8(ascii: "\n"), count: 1 << 20) + Array("quit\n".utf8))
      #expect(try newlines.readToEnd() == "Bye\r\n")
      try good.send("echo\n")
      #expect(try good.line() == "an answer")
      try await eventually("they are gone") { server.connections == 1 }
    }
  }

  @Test func `the reason arrives though the client goes on sending`() async throws {
    try await withConsole { port, _ in
      let client = try PlainLines(port: port)
      try client.send(Array(repeating: UInt8(ascii: "x"), count: 200_000))
      #expect(try client.readToEnd() == "a line has at most 128 bytes\r\n")
    }
  }

  @Test func `without a whole line for too long it is hung up on, also if it drips`() async throws {
    try await withConsole(limits: { $0.idle = .milliseconds(300) }) { port, _ in
      let idle = try PlainLines(port: port)
      let slow = try PlainLines(port: port)
      try slow.send("ec")
      #expect(try idle.readToEnd().isEmpty)
      #expect(try slow.readToEnd().isEmpty)
    }
  }

  @Test func `a command that takes too long is told, and the connection ends`() async throws {
    try await withConsole(limits: { $0.command = .milliseconds(200) }) { port, _ in
      let client = try PlainLines(port: port)
      try client.send("hang\n")
      #expect(try client.readToEnd() == "the command takes too long\r\n")
    }
  }

  @Test func `a client that doesn't read its answer is hung up on`() async throws {
    try await withConsole(limits: { $0.exchange = .milliseconds(300) }) { port, server in
      let client = try PlainLines(port: port)
      // More than the kernel takes.
      for _ in 0..<4 { try client.send("long\n") }
      try await eventually("it is gone", within: .seconds(60)) { server.connections == 0 }
      withExtendedLifetime(client) {}
    }
  }

  @Test func `answers on their way are bounded over all connections`() async throws {
    try await withConsole(limits: { $0.heldBytes = 1_000_000 }) { port, _ in
      let client = try PlainLines(port: port)
      try client.send("long\n")
      #expect(try client.readToEnd() == "too many answers are on their way, try again later\r\n")
      let other = try PlainLines(port: port)
      try other.send("echo\n")
      #expect(try other.line() == "an answer")
    }
  }

  @Test func `connections past the bound are told, and there is room again when one ends`() async throws {
    try await withConsole(limits: { $0.connections = 2 }) { port, server in
      var clients = try (0..<2).map { _ in try PlainLines(port: port) }
      for client in clients {
        try client.send("echo\n")
        #expect(try client.line() == "an answer")
      }
      #expect(try PlainLines(port: port).readToEnd() == "too many connections, more than 2\r\n")
      clients.removeLast()
      try await eventually("one has ended") { server.connections == 1 }
      let late = try PlainLines(port: port)
      try late.send("echo\n")
      #expect(try late.line() == "an answer")
    }
  }

  @Test func `peers from other addresses are hung up on without a word`() async throws {
    try await withConsole(isAllowed: { $0 != "127.0.0.1" }) { port, server in
      let client = try PlainLines(port: port)
      let told = (try? client.readToEnd()) ?? ""
      #expect(told.isEmpty && server.connections == 0)
    }
  }

  @Test func `a stop waits for no idle client`() async throws {
    let clients = MEDTestSupport.Locked<[PlainLines]>([])
    // Whoever waited for them to go would wait for ten minutes.
    try await withConsole(limits: { ($0.stopPatience, $0.idle) = (.seconds(600), .seconds(600)) }) { port, server in
      for _ in 0..<20 {
        let client = try PlainLines(port: port)
        clients.withLock { $0.append(client) }
      }
      try await eventually("all are there") { server.connections == 20 }
    }
    for client in clients.withLock({ $0 }) { #expect(try client.readToEnd().isEmpty) }
  }

  @Test func `an address in use is named with its key`() async throws {
    try await withConsole { port, _ in
      let second = ConsoleServer(
        "StatisticApiAddr", host: "127.0.0.1", port: Int(port), threads: threads, isAllowed: { _ in true },
        logger: .silent, commands: [])
      let error = await #expect(throws: RPCServerError.self) { try await second.run() }
      #expect(error?.description.hasPrefix("StatisticApiAddr: can't listen on 127.0.0.1:\(port): ") == true)
    }
  }
}

// MARK: A console for as long as a test takes

private let threads = MultiThreadedEventLoopGroup(numberOfThreads: 1)

private let commands = [
  ConsoleServer.Command("echo") { .init(Array("an answer\r\n".utf8)) },
  ConsoleServer.Command("last") { .init([0, 1], endsConnection: true) },
  ConsoleServer.Command("long") { .init(Array(repeating: UInt8(ascii: "x"), count: 9_000_000)) },
  ConsoleServer.Command("hang") {
    try? await Task.sleep(for: .seconds(3_600))  // why: it lasts until it is cancelled
    return .init([])
  },
]

private func withConsole(
  limits change: (inout ConsoleLimits) -> Void = { _ in },
  isAllowed: @escaping @Sendable (String) -> Bool = { _ in true },
  _ body: @escaping @Sendable (UInt16, ConsoleServer) async throws -> Void
) async throws {
  // A machine that runs other tests may keep anybody waiting: what a test doesn't look at is generous.
  var limits = ConsoleLimits()
  (limits.idle, limits.exchange, limits.command) = (.seconds(600), .seconds(600), .seconds(600))
  change(&limits)
  let port = MEDTestSupport.Locked<Int?>(nil)
  let server = ConsoleServer(
    "StatisticApiAddr", host: "127.0.0.1", port: 0, threads: threads, limits: limits, isAllowed: isAllowed,
    logger: .silent, commands: commands)
  let service = Running(server: server) { running in port.withLock { $0 = running } }
  let group = ServiceGroup(configuration: .init(services: [service], logger: .silent))
  try await withThrowingTaskGroup(of: Void.self) { tasks in
    tasks.addTask { try await group.run() }
    try await eventually("it listens", within: .seconds(60)) { port.withLock { $0 } != nil }
    do {
      let port = UInt16(port.withLock { $0 } ?? 0)
      // Clients block: they have a thread of their own, from the first line on.
      let loop = try EventLoop.start(name: "client")
      defer { loop.stop() }
      try await Task(executorPreference: loop.taskExecutor) { try await body(port, server) }.value
    } catch {
      await group.triggerGracefulShutdown()
      throw error
    }
    await group.triggerGracefulShutdown()
    try await tasks.waitForAll()
  }
}

private struct Running: Service {
  let server: ConsoleServer
  let onListening: @Sendable (Int) -> Void

  func run() async throws { try await server.run(onListening: onListening) }
}

extension Logger {
  fileprivate static var silent: Logger { Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }) }
}
