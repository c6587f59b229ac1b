import Logging
import MEDCore
import MEDLoop
import MEDTestSupport
import NIOPosix
import ServiceLifecycle
import Testing

@testable import MEDRPC

@Suite("§8 RPC: the server")
struct RPCServerTests {
  @Test func `many requests go over one connection, one after the other`() async throws {
    try await withServer { port, _ in
      let client = try PlainRPC(port: port)
      #expect(try client.call("echo", #"{"a":[1,2.5,"é",null,true]}"#) == .init("ok", #"{"a":[1,2.5,"é",null,true]}"#))
      for number in 0..<100 { try client.send("echo", #"{"n":\#(number)}"#) }
      for number in 0..<100 { #expect(try client.answer() == .init("ok", #"{"n":\#(number)}"#)) }
    }
  }

  @Test func `a command that fails, or isn't known, ends no connection`() async throws {
    try await withServer { port, server in
      let client = try PlainRPC(port: port)
      #expect(try client.call("nothing") == .init("failed", #""unknown command""#))
      try client.send(PlainRPC.frame(#"{"cmd":"echo"}"#))
      #expect(try client.answer() == .init("ok", "{}"))
      #expect(server.state.failed == 1 && server.state.malformed == 0)
    }
  }

  @Test(arguments: ["CLOSE", "CLOSE\0\0\0"])
  func `the client ends with CLOSE, and the server answers with it before it hangs up`(close: String) async throws {
    try await withServer { port, _ in
      let client = try PlainRPC(port: port)
      #expect(try client.call("echo").status == "ok")
      try client.send(Array(close.utf8))
      #expect(try client.readToEnd() == "CLOSE")
    }
  }

  @Test(arguments: [
    (Array("x".utf8), "a length is expected"), (PlainRPC.frame("{"), "a request is JSON"),
    (PlainRPC.frame(#"{"args":{}}"#), "cmd is missing"), (Array("1048577\0".utf8), "at most 1048576 bytes"),
    (Array("0\0\0\0\0\0\0\0".utf8), "at least 1 byte"),
  ])
  func `what is malformed is answered with failed and a reason, then CLOSE`(bytes: [UInt8], reason: String) async throws
  {
    try await withServer { port, server in
      let client = try PlainRPC(port: port)
      #expect(try client.call("echo").status == "ok")
      try client.send(bytes)
      let answer = try client.answer()
      #expect(answer.status == "failed" && answer.body.contains(reason))
      #expect(try client.readToEnd() == "CLOSE")
      #expect(server.state.malformed == 1)
    }
  }

  @Test func `the reason arrives though the client goes on sending`() async throws {
    try await withServer { port, _ in
      let client = try PlainRPC(port: port)
      try client.send(Array("GET / HTTP/1.1\r\n".utf8) + Array(repeating: UInt8(ascii: "x"), count: 200_000))
      #expect(try client.answer().status == "failed")
      #expect(try client.readToEnd() == "CLOSE")
    }
  }

  @Test func `a client that closes its half still gets its answer`() async throws {
    try await withServer { port, _ in
      let client = try PlainRPC(port: port)
      try client.send("brief")
      client.endSending()
      #expect(try client.answer() == .init("ok", "true"))
      #expect(try client.readToEnd() == "CLOSE")
      let torn = try PlainRPC(port: port)
      try torn.send(Array("12\0\0\0\0\0\0{".utf8))
      torn.endSending()
      #expect(try torn.answer() == .init("failed", #""the request was cut off""#))
    }
  }

  @Test func `without a request for too long CLOSE is sent, and a slow request is failed`() async throws {
    try await withServer(limits: { $0.idle = .milliseconds(200) }) { port, _ in
      let client = try PlainRPC(port: port)
      #expect(try client.call("echo").status == "ok")
      #expect(try client.readToEnd() == "CLOSE")
    }
    try await withServer(limits: { $0.exchange = .milliseconds(200) }) { port, server in
      let client = try PlainRPC(port: port)
      try client.send(Array("12\0\0\0\0\0\0{".utf8))
      #expect(try client.answer() == .init("failed", #""the request was not complete in time""#))
      #expect(try client.readToEnd() == "CLOSE")
      #expect(server.state.tooSlow == 1)
    }
  }

  @Test func `a command that takes too long is failed, and the connection goes on`() async throws {
    try await withServer(limits: { $0.command = .milliseconds(200) }) { port, server in
      let client = try PlainRPC(port: port)
      let answer = try client.call("hang")
      #expect(answer == .init("failed", #""the command takes too long, it may still be carried out""#))
      try await eventually("it was cancelled") { server.state.commandsUnderWay == 0 }
      // A busy machine may take long for any command.
      try await eventually("the connection goes on") { try client.call("echo").status == "ok" }
    }
  }

  @Test func `commands that never end are bounded, further ones are failed`() async throws {
    try await withServer(limits: { ($0.command, $0.commands) = (.seconds(1), 3) }) { port, server in
      let client = try PlainRPC(port: port)
      for _ in 0..<3 { #expect(try client.call("stuck").body.contains("takes too long")) }
      #expect(try client.call("echo") == .init("failed", #""too many commands are under way, try again later""#))
      #expect(server.state.commandsUnderWay == 3)
      // As many as fit into a read, sent ahead.
      for _ in 0..<5_000 { try client.send("echo") }
      for _ in 0..<5_000 { #expect(try client.answer().status == "failed") }
      stuck.release()
      try await eventually("they end") { server.state.commandsUnderWay == 0 }
      try await eventually("there is room again") { try client.call("echo").status == "ok" }
    }
  }

  @Test func `connections past the bound get failed and a reason, and there is room again when one ends`() async throws
  {
    try await withServer(limits: { $0.connections = 2 }) { port, server in
      var clients = try (0..<2).map { _ in try PlainRPC(port: port) }
      for client in clients { #expect(try client.call("echo").status == "ok") }
      let late = try PlainRPC(port: port)
      #expect(try late.answer().body.contains("too many connections"))
      #expect(try late.readToEnd() == "CLOSE")
      clients.removeLast()
      try await eventually("one has ended") { server.state.connections == 1 }
      #expect(try PlainRPC(port: port).call("echo").status == "ok")
      #expect(server.state.tooMany == 1)
    }
  }

  @Test func `unfinished requests are bounded over all connections`() async throws {
    try await withServer(limits: { $0.heldBytes = 300_000 }) { port, server in
      let first = try PlainRPC(port: port)
      try first.send(Array("1000000\0".utf8) + Array(repeating: 0x20, count: 200_000))
      let second = try PlainRPC(port: port)
      try second.send(Array("1000000\0".utf8) + Array(repeating: 0x20, count: 200_000))
      try await eventually("one of them is one too many") { server.state.malformed >= 1 }
      withExtendedLifetime((first, second)) {}
      #expect(try PlainRPC(port: port).call("echo").status == "ok")
    }
  }

  @Test func `a client that doesn't read its answers is hung up on`() async throws {
    try await withServer(limits: { $0.exchange = .milliseconds(300) }) { port, server in
      let client = try PlainRPC(port: port)
      // More than the kernel takes.
      for _ in 0..<4 { try client.send("long") }
      try await eventually("it was too slow", within: .seconds(60)) { server.state.tooSlow == 1 }
      try await eventually("it is gone") { server.state.connections == 0 }
      withExtendedLifetime(client) {}
    }
  }

  @Test func `peers from other addresses are hung up on without a word, and counted`() async throws {
    try await withServer(isAllowed: { $0 != "127.0.0.1" }) { port, server in
      for _ in 0..<3 {
        let client = try PlainRPC(port: port)
        #expect(throws: (any Error).self) {
          try client.send("echo")
          _ = try client.answer()
        }
      }
      try await eventually("all are counted") { server.state.refused == 3 }
      #expect(server.state.accepted == 0)
    }
  }

  @Test func `a stop waits for no idle client, and each of a thousand is told`() async throws {
    let clients = Kept<[PlainRPC]>([])
    let begun = Kept<PlainRPC?>(nil)
    // Whoever waited for clients to go would wait for ten minutes.
    try await withServer(limits: { ($0.stopPatience, $0.idle) = (.seconds(600), .seconds(600)) }) { port, server in
      for _ in 0..<1_000 { clients.value.append(try PlainRPC(port: port)) }
      begun.value = try PlainRPC(port: port)
      try begun.value?.send(Array("12\0\0\0\0\0\0{".utf8))
      try await eventually("all are there", within: .seconds(60)) { server.state.connections == 1_001 }
    }
    for client in clients.value { #expect(try client.readToEnd() == "CLOSE") }
    // If what it had begun wasn't read yet, the connection is reset instead.
    if let told = try? begun.value?.readToEnd() { #expect(told == "CLOSE") }
  }

  @Test func `a command under way is answered before the stop`() async throws {
    let clients = Kept<[PlainRPC]>([])
    let limits: (inout RPCLimits) -> Void = { ($0.stopPatience, $0.command) = (.seconds(600), .seconds(600)) }
    try await withServer(limits: limits, afterStop: { held.release() }) { port, server in
      let client = try PlainRPC(port: port)
      clients.value = [client]
      try client.send("held")
      try await eventually("it is under way") { server.state.commandsUnderWay == 1 }
    }
    #expect(try clients.value[0].answer() == .init("ok", "true"))
    #expect(try clients.value[0].readToEnd() == "CLOSE")
  }

  @Test func `an address in use is named with its key`() async throws {
    try await withServer { port, _ in
      let second = RPCServer(
        "ListenAddr", host: "127.0.0.1", port: Int(port), threads: threads, isAllowed: { _ in true }, logger: .silent,
        perform: commands)
      let error = await #expect(throws: RPCServerError.self) { try await second.run() }
      #expect(error?.description.hasPrefix("ListenAddr: can't listen on 127.0.0.1:\(port): ") == true)
    }
  }
}

// MARK: A server for as long as a test takes

private let threads = MultiThreadedEventLoopGroup(numberOfThreads: 1)
private let stuck = Gate()
private let held = Gate()

private let commands: RPCServer.Perform = { command, arguments throws(ControlError) in
  switch command {
  case "echo": return arguments
  case "long": return .string(String(repeating: "x", count: 9_000_000))
  case "brief":
    for _ in 0..<10 { await Task.yield() }
    return true
  case "held":
    await held.wait()
    return true
  case "hang":
    try? await Task.sleep(for: .seconds(3_600))  // why: it lasts until it is cancelled
    return true
  case "stuck":
    await stuck.wait()
    return true
  default: throw ControlError(.unknownCommand, "unknown command")
  }
}

private func withServer(
  limits change: (inout RPCLimits) -> Void = { _ in }, isAllowed: @escaping @Sendable (String) -> Bool = { _ in true },
  afterStop: () -> Void = {}, _ body: @escaping @Sendable (UInt16, RPCServer) async throws -> Void
) async throws {
  // A machine that runs other tests may keep anybody waiting: what a test doesn't look at is generous.
  var limits = RPCLimits()
  (limits.idle, limits.exchange, limits.command) = (.seconds(600), .seconds(600), .seconds(600))
  change(&limits)
  let port = MEDTestSupport.Locked<Int?>(nil)
  let server = RPCServer(
    "ListenAddr", host: "127.0.0.1", port: 0, threads: threads, limits: limits, isAllowed: isAllowed, logger: .silent,
    perform: commands)
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
    afterStop()
    try await tasks.waitForAll()
  }
}

private struct Running: Service {
  let server: RPCServer
  let onListening: @Sendable (Int) -> Void

  func run() async throws { try await server.run(onListening: onListening) }
}

/// What a test's body leaves behind for what comes after the stop; used by one of them at a time.
private final class Kept<Value>: @unchecked Sendable {  // why: body and test take turns
  var value: Value
  init(_ value: Value) { self.value = value }
}

/// Holds whoever waits until it is released once.
private actor Gate {
  private var isOpen = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  func wait() async {
    if !isOpen { await withCheckedContinuation { waiting.append($0) } }
  }

  nonisolated func release() { Task { await open() } }

  private func open() {
    isOpen = true
    for continuation in waiting { continuation.resume() }
    waiting = []
  }
}

extension Logger {
  fileprivate static var silent: Logger { Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }) }
}
