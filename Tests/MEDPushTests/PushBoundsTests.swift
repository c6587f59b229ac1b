import Foundation
import MEDCore
import MEDPush
import MEDTestSupport
import Testing

@Suite("§5 Push: bounds of an answer")
struct PushBoundsTests {
  private let receiver: TestReceiver

  init() throws { receiver = try TestReceiver() }

  @Test(arguments: [(65_536, false), (65_537, true)])
  func `a body up to the bound is read, a longer one is cut there`(size: Int, truncated: Bool) async throws {
    receiver.on("/", .bytes([UInt8](repeating: 0x61, count: size)))
    let answer = try await push(.to(receiver.url()))
    #expect(answer.status == 200)
    #expect(answer.text?.utf8.count == 65_536)
    #expect(answer.isTruncated == truncated)
  }

  @Test func `an endless answer ends at the bound`() async throws {
    receiver.on("/", .endless())
    let answer = try await push(.to(receiver.url()))
    #expect(answer.status == 200)
    #expect(answer.isTruncated == true)
  }

  @Test func `the connection of a cut answer is not used again`() async throws {
    receiver.on("/", inTurn: [.bytes([UInt8](repeating: 0x61, count: 1_000_000)), .ok])
    let url = receiver.url()
    try await withSession { actor, session in
      #expect(await session.push(.to(url)).isTruncated == true)
      let answer = await session.push(.to(url))
      #expect(answer.text == #"{"status":1}"#)
      #expect(answer.isTruncated == false)
    }
    #expect(receiver.connections == 2)
  }

  @Test func `the bound can be configured`() async throws {
    var configuration = PushConfiguration()
    configuration.maxResponseBytes = 1_000_000
    receiver.on("/", .bytes([UInt8](repeating: 0x61, count: 900_000)))
    let answer = try await push(.to(receiver.url()), configuration)
    #expect(answer.text?.utf8.count == 900_000)
    #expect(answer.isTruncated == false)
  }

  @Test func `a gzip answer is decompressed`() async throws {
    receiver.on("/", .gzip(try await compressed("printf '{\"status\":1}'")))
    #expect(try await push(.to(receiver.url())).text == #"{"status":1}"#)
  }

  @Test func `a gzip bomb is cut at the bound, counted after decompression`() async throws {
    let bomb = try await compressed("head -c 50000000 /dev/zero")
    #expect(bomb.count < 65_536)
    receiver.on("/", .gzip(bomb))
    let answer = try await push(.to(receiver.url()))
    #expect(answer.status == 200)
    #expect(answer.isTruncated == true)
    #expect(answer.text?.utf8.count == 65_536)
  }

  @Test func `what only claims to be gzip is a failure`() async throws {
    receiver.on("/", .gzip(Array("no gzip at all".utf8)))
    #expect(try await push(.to(receiver.url())).failure?.kind == .protocolError)
  }

  @Test func `headers past the bound are read no further`() async throws {
    let padding = String(repeating: "x", count: 1000)
    receiver.on("/", (0..<100).reduce(Answer.ok) { answer, _ in answer.header("X-Pad", padding) })
    let answer = try await push(.to(receiver.url()))
    #expect(answer.status == 200)
    #expect(answer.isTruncated == true)
    #expect(answer.text == "")
  }

  @Test func `headers within the bound are fine`() async throws {
    let padding = String(repeating: "x", count: 1000)
    receiver.on("/", (0..<60).reduce(Answer.ok) { answer, _ in answer.header("X-Pad", padding) })
    let answer = try await push(.to(receiver.url()))
    #expect(answer.text == #"{"status":1}"#)
    #expect(answer.isTruncated == false)
  }

  @Test func `one header line without an end is no success`() async throws {
    receiver.on("/", Answer.ok.header("X-Pad", String(repeating: "x", count: 2_000_000)))
    let answer = try await push(.to(receiver.url()))
    #expect(answer.failure != nil || answer.isTruncated == true)
  }

  private func compressed(_ command: String) async throws -> [UInt8] {
    let directory = try TemporaryDirectory("gzip")
    let file = directory.file("data.gz")
    let finished = try await ServerProcess.run("/bin/sh", ["-c", "\(command) | gzip -9 > \(file)"])
    #expect(finished.status == .code(0))
    return Array(try Data(contentsOf: URL(fileURLWithPath: file)))
  }
}
