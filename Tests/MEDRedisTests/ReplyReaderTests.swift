import MEDTestSupport
import Testing

@testable import MEDRedis

@Suite("§10 Redis: replies")
struct ReplyReaderTests {
  private func read(
    _ pieces: [[UInt8]], bytes: Int = 1 << 20, elements: Int = 1_000
  ) throws -> [RedisValue] {
    let reader = try ReplyReader(maximumBytes: bytes, maximumElements: elements)
    var found: [RedisValue] = []
    for piece in pieces {
      try piece.withUnsafeBytes { bytes in try reader.feed(bytes) }
      while let value = try reader.next() { found.append(value) }
    }
    return found
  }

  @Test func `a reply is the same wherever it is cut`() throws {
    let text = "+OK\r\n-ERR no\r\n:-7\r\n$5\r\na\r\nbc\r\n$-1\r\n*3\r\n*-1\r\n*0\r\n:1\r\n"
    let whole = try read([Array(text.utf8)])
    #expect(
      whole == [
        .status("OK"), .error(RedisServerError("ERR no".utf8)), .integer(-7), .bytes(Array("a\r\nbc".utf8)), .null,
        .array([.null, .array([]), .integer(1)]),
      ])
    let bytes = Array(text.utf8)
    for cut in 1..<bytes.count { #expect(try read([Array(bytes[..<cut]), Array(bytes[cut...])]) == whole) }
    #expect(try read(bytes.map { [$0] }) == whole)
  }

  @Test func `an array that is only announced allocates nothing`() {
    #expect(throws: RedisError.self) { try read([Array("*2147483647\r\n".utf8)]) }
    #expect(throws: RedisError.self) { try read([Array("*1001\r\n".utf8)]) }
    #expect(throws: RedisError.self) { try read([Array("*600\r\n*600\r\n".utf8)]) }
  }

  @Test func `the bound on elements is for each reply`() throws {
    let array = Array("*900\r\n".utf8) + Array(repeating: Array(":1\r\n".utf8), count: 900).flatMap(\.self)
    #expect(try read([array, array]).count == 2)
  }

  @Test func `more bytes than allowed are refused while they come`() {
    let error = #expect(throws: RedisError.self) {
      try read(
        [Array("$1000000\r\n".utf8), [UInt8](repeating: 0, count: 600), [UInt8](repeating: 0, count: 600)], bytes: 1_000
      )
    }
    #expect(error?.code == .tooLarge)
  }

  @Test func `any bytes give replies or an error`() {
    var generator = SystemRandomNumberGenerator()
    let alphabet = Array("+-:$*\r\n0123456789abc _#,(>%~=!|".utf8)
    for _ in 0..<20_000 {
      let count = Int.random(in: 0...40, using: &generator)
      let bytes = (0..<count).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
      _ = try? read([bytes])
    }
  }
}

@Suite("§10 Redis: values")
struct RedisValueTests {
  @Test(arguments: [
    ("a", "a:6379"), ("a:1", "a:1"), ("[::1]", "[::1]:6379"), ("[::1]:7", "[::1]:7"),
    ("10.0.0.1:65535", "10.0.0.1:65535"),
  ])
  func `an address is read`(text: String, read: String) { #expect(RedisAddress(parsing: text)?.description == read) }

  @Test(arguments: ["", ":1", "a:", "a:0", "a:65536", "a:+1", "a:b", "::1", "[::1", "[a]", "[::1]7", "a b:1", "a:1:2"])
  func `what is no address is none`(text: String) { #expect(RedisAddress(parsing: text) == nil) }

  @Test func `a command is written with the lengths of its words`() {
    var output: [UInt8] = []
    RedisCommand("SET", [0, 13, 10], []).write(to: &output)
    #expect(output == Array("*3\r\n$3\r\nSET\r\n$3\r\n".utf8) + [0, 13, 10] + Array("\r\n$0\r\n\r\n".utf8))
  }

  @Test func `the first word of an error says its kind`() {
    #expect(RedisServerError("LOADING x".utf8).kind == .loading)
    #expect(RedisServerError("READONLY".utf8).kind == .readOnly)
    #expect(RedisServerError("MOVED 1 a:1".utf8).kind == .cluster)
    #expect(RedisServerError("NOAUTH x".utf8).kind == .notAllowed)
    #expect(RedisServerError("LOADINGx".utf8).kind == .other)
    #expect(RedisServerError("".utf8).kind == .other)
    #expect(RedisServerError("ERR a\nb".utf8).message == "ERR a b")
  }

  @Test func `the pauses between tries grow to a second`() {
    #expect(ConnectPace.pause(afterFailures: 1, random: 0) == .milliseconds(50))
    #expect(ConnectPace.pause(afterFailures: 3, random: 0) == .milliseconds(200))
    #expect(ConnectPace.pause(afterFailures: 1_000, random: 0) == .seconds(1))
    #expect(ConnectPace.pause(afterFailures: 1_000, random: 1) == .milliseconds(500))
  }

  @Test func `a list's name says whose it is`() {
    let names = RecoverListNames(prefix: "mec:", process: "0a-1")
    #expect(
      names.holder(names.holder(7, of: Array("mec:a:b".utf8))) == .init(process: "0a-1", list: Array("mec:a:b".utf8)))
    #expect(names.holder(Array("medispatcher:recovering:list:0a-1:7:other:a".utf8)) == nil)
    #expect(names.holder(Array("medispatcher:recovering:list:0A*:7:mec:a".utf8)) == nil)
    #expect(names.holder(Array("medispatcher:recovering:list:".utf8)) == nil)
    #expect(names.holder([]) == nil)
    #expect(RecoverListNames(prefix: "mec:").process != RecoverListNames(prefix: "mec:").process)
  }

  @Test func `a search takes at most a twentieth of the time, and a pass begins once an interval`() {
    let start = ContinuousClock.now
    var scan = ListScan(Array("x*".utf8), every: .seconds(1), now: start)
    #expect(scan.due == start)
    func answer(_ cursor: String) -> RedisValue { .array([.bytes(Array(cursor.utf8)), .array([.bytes([120])])]) }
    #expect(scan.took(answer("5"), began: start, now: start + .milliseconds(1)) == [[120]])
    #expect(scan.due == start + .milliseconds(20))
    #expect(scan.command.words[1] == Array("5".utf8))
    #expect(scan.took(answer("0"), began: start + .milliseconds(20), now: start + .milliseconds(21)) == [[120]])
    #expect(scan.due == start + .seconds(1))
    #expect(scan.took(.integer(1), began: start, now: start) == nil)
    #expect(scan.took(.array([]), began: start, now: start) == nil)
  }

  @Test func `equal entries are counted when it isn't known what was removed`() {
    let same: [UInt8] = [1]
    var holder = ListHolder(key: [], list: [], entries: [same, same, same, [2]])
    holder.finish(same)
    #expect(holder.removals(from: [same, same, same, [2]]).map(\.count) == [1])
    #expect(holder.removals(from: [same, same, [2]]).isEmpty)
    holder.finish(same)
    #expect(holder.removals(from: [same, same, [2]]).map(\.count) == [1])
    holder.removed(same)
    holder.removed(same)
    #expect(!holder.isOver)
    holder.finish(same)
    holder.finish([2])
    holder.removed(same)
    holder.removed([2])
    holder.finish([3])
    #expect(holder.isOver)
  }
}
