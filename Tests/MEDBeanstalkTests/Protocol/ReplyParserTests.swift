import Testing

@testable import MEDBeanstalk

@Suite("Protocol: replies")
struct ReplyParserTests {
  private static let all: [(String, Reply)] = [
    ("INSERTED 7\r\n", .inserted(7)),
    ("INSERTED 18446744073709551615\r\n", .inserted(.max)),
    ("BURIED 7\r\n", .insertedBuried(7)),
    ("BURIED\r\n", .buried),
    ("EXPECTED_CRLF\r\n", .expectedCRLF),
    ("JOB_TOO_BIG\r\n", .jobTooBig),
    ("DRAINING\r\n", .draining),
    ("USING a/b\r\n", .using(name: 6..<9)),
    ("RESERVED 12 5\r\na\r\nbc\r\n", .reserved(12, body: 15..<20)),
    ("RESERVED 12 0\r\n\r\n", .reserved(12, body: 15..<15)),
    ("DEADLINE_SOON\r\n", .deadlineSoon),
    ("TIMED_OUT\r\n", .timedOut),
    ("DELETED\r\n", .deleted),
    ("NOT_FOUND\r\n", .notFound),
    ("RELEASED\r\n", .released),
    ("TOUCHED\r\n", .touched),
    ("WATCHING 3\r\n", .watching(3)),
    ("NOT_IGNORED\r\n", .notIgnored),
    ("FOUND 1 2\r\nab\r\n", .found(1, body: 11..<13)),
    ("KICKED\r\n", .kicked),
    ("KICKED 4\r\n", .kickedCount(4)),
    ("OK 3\r\n---\r\n", .ok(body: 6..<9)),
    ("PAUSED\r\n", .paused),
    ("OUT_OF_MEMORY\r\n", .outOfMemory),
    ("INTERNAL_ERROR\r\n", .internalError),
    ("BAD_FORMAT\r\n", .badFormat),
    ("UNKNOWN_COMMAND\r\n", .unknownCommand),
  ]

  private func next(_ bytes: [UInt8], maximumBody: Int = 1 << 20) -> ReplyParser.Step {
    ReplyParser(maximumBody: maximumBody).next(in: bytes.span)
  }

  private func next(_ text: String, maximumBody: Int = 1 << 20) -> ReplyParser.Step {
    next(Array(text.utf8), maximumBody: maximumBody)
  }

  @Test(arguments: all) func `each reply of the protocol is read, whatever follows it`(_ text: String, _ reply: Reply) {
    let length = text.utf8.count
    #expect(next(text) == .reply(reply, consumed: length))
    #expect(next(text + "DELETED\r\n") == .reply(reply, consumed: length))
    #expect(next(text + "\0\u{7f}") == .reply(reply, consumed: length))
  }

  @Test(arguments: all) func `a reply cut at any byte asks for more, and never for more than it has`(
    _ text: String, _ reply: Reply
  ) {
    let bytes = Array(text.utf8)
    for length in 0..<bytes.count {
      guard case .needMore(let total) = next(Array(bytes.prefix(length))) else {
        Issue.record("\(length) bytes of \(text) were taken for \(next(Array(bytes.prefix(length))))")
        continue
      }
      #expect(total > length)
      #expect(total <= bytes.count)
    }
  }

  @Test(arguments: [
    "\r\n", "\n", "DELETED\n", "deleted\r\n", "DELETED \r\n", " DELETED\r\n", "DELETEDX\r\n", "DELETE\r\n",
    "BURIEDX\r\n",
    "FOUND\r\n", "OK\r\n", "WATCHING\r\n", "USING\r\n", "INSERTED\r\n", "KICKEDX\r\n", "HELLO 1\r\n", "\0\r\n", "É\r\n",
    "TIMED_OUT DELETED\r\n",
  ])
  func `a line that is no reply is a violation`(_ line: String) {
    #expect(next(line) == .violation(.unknownWord))
  }

  @Test(arguments: [
    "INSERTED \r\n", "INSERTED -1\r\n", "INSERTED +1\r\n", "INSERTED 1 \r\n", "INSERTED 1x\r\n", "INSERTED 0x1\r\n",
    "INSERTED 18446744073709551616\r\n", "INSERTED 99999999999999999999999\r\n", "BURIED \r\n", "KICKED \r\n",
    "WATCHING -1\r\n", "WATCHING 9223372036854775808\r\n", "RESERVED 1\r\n", "RESERVED 1 \r\n", "RESERVED  1 2\r\n",
    "RESERVED 1 2 3\r\n", "RESERVED 1 -2\r\n", "OK \r\n", "OK -3\r\n", "FOUND 1\r\n", "OK 18446744073709551616\r\n",
  ])
  func `a number that is none is a violation`(_ line: String) {
    #expect(next(line) == .violation(.badNumber))
  }

  @Test func `a body longer than allowed is refused by its announcement`() {
    #expect(next("OK 11\r\n", maximumBody: 10) == .violation(.bodyTooLong))
    #expect(next("OK 10\r\n", maximumBody: 10) == .needMore(total: 19))
    #expect(next("RESERVED 1 9223372036854775807\r\n") == .violation(.bodyTooLong))
    #expect(next("RESERVED 1 18446744073709551615\r\n") == .violation(.bodyTooLong))
  }

  @Test func `a body that doesn't end with CR LF is a violation`() {
    #expect(next("OK 3\r\n----\r\n") == .violation(.noLineEndAfterBody))
    #expect(next("OK 3\r\n---\n\n") == .violation(.noLineEndAfterBody))
    #expect(next("OK 3\r\n---\rx") == .violation(.noLineEndAfterBody))
  }

  @Test func `a line without an end is refused at its bound`() {
    #expect(next(String(repeating: "A", count: 1023)) == .needMore(total: 1024))
    #expect(next(String(repeating: "A", count: 1024)) == .violation(.lineTooLong))
    #expect(next("USING " + String(repeating: "a", count: 2000) + "\r\n") == .violation(.lineTooLong))
  }

  @Test func `whatever the bytes are, the answer stays within them`() {
    var generator = SplitMix(seed: 11)
    let words = Self.all.map { Array($0.0.utf8) }
    for _ in 0..<20_000 {
      var bytes = words.randomElement(using: &generator) ?? []
      for _ in 0..<Int.random(in: 0...4, using: &generator) where !bytes.isEmpty {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes.remove(at: place)
        default: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: place)
        }
      }
      if case .reply(let reply, let consumed) = next(bytes) {
        #expect(consumed <= bytes.count)
        switch reply {
        case .reserved(_, let body), .found(_, let body), .ok(let body), .using(let body):
          #expect(body.upperBound <= consumed)
        default: break
        }
      }
    }
  }
}

/// Random numbers that are the same in each run.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
