import Foundation
import Glibc
import Testing

@testable import MEDApp

@Suite("§16 What files and logs may be at most")
struct FileBoundsTests {
  @Test func `a config file of 4 MiB is read, a longer one is refused`() throws {
    #expect(Configuration.maximumBytes == 4 << 20)
    let scratch = try Scratch()
    let path = scratch.path + "/c.toml"
    var text = Data("ListenersOfMainQueue = 3\n#".utf8)
    text += Data(repeating: UInt8(ascii: "x"), count: (4 << 20) - text.count)
    try text.write(to: URL(fileURLWithPath: path))
    #expect(try Configuration.load(path, environment: [:]).settings.mainQueueListeners == 3)
    text.append(UInt8(ascii: "x"))
    try text.write(to: URL(fileURLWithPath: path))
    let error = #expect(throws: ConfigurationError.self) { try Configuration.load(path, environment: [:]) }
    #expect(error?.diagnostics.map(\.message) == ["\(path) is larger than 4194304 bytes"])
  }

  @Test func `input past its bound of 1 GiB is refused`() throws {
    #expect(ToolInput.maximumBytes == 1 << 30)
    let scratch = try Scratch()
    let path = scratch.path + "/in"
    try Data("[1,2,3]".utf8).write(to: URL(fileURLWithPath: path))
    #expect(try ToolInput.payloads(argument: nil, file: path, atMost: 7) == [Array("[1,2,3]".utf8)])
    let error = #expect(throws: SystemError.self) { try ToolInput.payloads(argument: nil, file: path, atMost: 6) }
    #expect(error?.message == "\(path) is larger than 6 bytes")
  }

  @Test func `at most 4 MiB of log lines wait, further ones are dropped, and their number is logged`() throws {
    #expect(LogWriter.maximumBytes == 4 << 20)
    let scratch = try Scratch()
    // The writer's thread waits in open(2) for somebody who reads.
    let pipe = scratch.path + "/info.log"
    #expect(mkfifo(pipe, 0o600) == 0)
    let writer = try LogWriter(.files(directory: scratch.path, isSplit: false))
    writer.write(Array("first\n".utf8), to: .info)
    #expect(eventually { writer.waitingBytes == 0 })
    let line = [UInt8](repeating: UInt8(ascii: "x"), count: 65_535) + [0x0A]
    for _ in 0..<100 { writer.write(line, to: .info) }
    #expect(writer.waitingBytes == 4 << 20)

    let reader = open(pipe, O_RDONLY | O_NONBLOCK)
    defer { close(reader) }
    var lines = 0
    var buffer = [UInt8](repeating: 0, count: 65_536)
    #expect(
      eventually {
        while case let count = read(reader, &buffer, buffer.count), count > 0 {
          lines += buffer[..<count].count { $0 == 0x0A }
        }
        return lines == 1 + 64
      })
    writer.write(Array("after\n".utf8), to: .error)
    writer.close()
    #expect(scratch.text("warn.log")?.contains("dropped=36") == true)
    #expect(scratch.text("error.log") == "after\n")
  }
}

@Suite("§14 What the test subscriber takes at most")
struct ReceiverBoundsTests {
  private static let request = Array("POST /a HTTP/1.1\r\nContent-Length: 0\r\n\r\n".utf8)

  /// - Returns: whether a request was answered.
  private func isAnswered(_ socket: Int32) -> Bool {
    guard (try? writeAll(Self.request, to: socket)) != nil else { return false }
    var buffer = [UInt8](repeating: 0, count: 4096)
    return read(socket, &buffer, buffer.count) > 0
  }

  @Test func `connections past 2,000 are hung up on, and there is room again when one ends`() throws {
    var options = DemoReceiver.Options()
    #expect(options.maximumConnections == 2_000)
    options.maximumConnections = 3
    let receiver = try DemoReceiver(options)
    try receiver.start()
    defer { receiver.stop() }
    func connect() throws -> Int32 {
      try connectTCP(host: "127.0.0.1", port: receiver.address.port, timeout: .seconds(20))
    }
    // Writing to one that was hung up on mustn't end the process.
    signal(SIGPIPE, SIG_IGN)
    let sockets = try (0..<3).map { _ in try connect() }
    for socket in sockets { #expect(isAnswered(socket)) }
    let further = try connect()
    #expect(!isAnswered(further))
    close(further)
    #expect(isAnswered(sockets[0]))
    close(sockets[1])
    #expect(
      eventually {
        guard let socket = try? connect() else { return false }
        defer { close(socket) }
        return isAnswered(socket)
      })
    close(sockets[0])
    close(sockets[2])
  }

  @Test func `a head of 64 KiB is read, and a longer one is answered with 431`() {
    #expect(ReceivedRequest.maximumHead == 64 << 10)
    func outcome(padding: Int) -> ReceivedRequest.Outcome {
      let text = "GET / HTTP/1.1\r\nA: " + String(repeating: "b", count: padding) + "\r\n\r\n"
      return Array(text.utf8).withUnsafeBytes { ReceivedRequest.parse($0, from: 0) }
    }
    // All lines but the empty one count.
    let rest = "GET / HTTP/1.1\r\nA: \r\n".utf8.count
    guard case .complete = outcome(padding: (64 << 10) - rest) else {
      Issue.record("not read")
      return
    }
    guard case .malformed(431) = outcome(padding: (64 << 10) - rest + 1) else {
      Issue.record("not refused")
      return
    }
  }
}
