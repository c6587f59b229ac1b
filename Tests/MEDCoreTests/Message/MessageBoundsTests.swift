import Testing

@testable import MEDCore

@Suite("§3 Bounds")
struct MessageBoundsTests {
  private func code(_ bytes: [UInt8]) -> MessageError.Code? {
    do throws(MessageError) {
      _ = try Envelope(bytes)
      return nil
    } catch {
      return error.code
    }
  }

  /// Everything that can be done with a message, to see that nothing traps.
  private func exercise(_ bytes: [UInt8]) {
    guard let envelope = try? Envelope(bytes) else { return }
    _ = (envelope.sender, envelope.context, envelope.owlContext, envelope.pushJobID(subscription: 1))
    let spliced = envelope.setting(originJobID: .max, retryTimes: 1, logID: 300)
    let again = try? Envelope(spliced)
    #expect(again?.originJobID == .max && again?.retryTimes == 1 && again?.logID == 300)
    #expect(again?.topic == envelope.topic)
    _ = try? PushBody.form(jobID: "j", retryTimes: 1, envelope: envelope)
    if let json = try? PushBody.json(envelope) { #expect(JSONAnswer(json) != .notJSON) }
  }

  @Test func `128 levels are allowed and 129 are not, in the body`() throws {
    // The outer map is the first level.
    let deepest = try Envelope(message(body: nested(127)))
    #expect(try PushBody.json(deepest).count == 2 * 127)
    #expect(code(message(body: nested(128))) == .tooDeep)
    #expect(code(message(body: .raw([UInt8](repeating: 0x91, count: 60000) + [0xc0]))) == .tooDeep)
    #expect(code(message(body: .raw([UInt8](repeating: 0x81, count: 60000) + [0xc0]))) != nil)
  }

  @Test func `maps count as levels, and what was closed does not`() throws {
    func maps(_ depth: Int) -> Value {
      (1..<depth).reduce(Value.map([])) { inner, _ in Value.map([(Value.text("k"), inner)]) }
    }
    #expect(throws: Never.self) { try PushBody.json(Envelope(message(body: maps(127)))) }
    #expect(code(message(body: maps(128))) == .tooDeep)
    #expect(code(message(body: .array([maps(127)]))) == .tooDeep)
    let wide = Value.array([nested(126), nested(126), 1])
    #expect(throws: Never.self) { try PushBody.json(Envelope(message(body: wide))) }
  }

  @Test func `unknown keys and values are bound in depth too`() {
    #expect(code(message(("MsgKey", "t"), ("x", nested(127)))) == nil)
    #expect(code(message(("MsgKey", "t"), ("x", nested(128)))) == .tooDeep)
    #expect(code(message(("MsgKey", "t"), (nested(127), 1))) == nil)
    #expect(code(message(("MsgKey", "t"), (nested(128), 1))) == .tooDeep)
  }

  @Test(
    arguments: [
      [0xdb, 0xff, 0xff, 0xff, 0xff], [0xc6, 0xff, 0xff, 0xff, 0xff], [0xdd, 0xff, 0xff, 0xff, 0xff],
      [0xdf, 0xff, 0xff, 0xff, 0xff], [0xc9, 0xff, 0xff, 0xff, 0xff, 0], [0xdc, 0xff, 0xff], [0xde, 0, 1, 0xc0], [0xbf],
      [0xcb, 0], [0xd8, 0],
    ] as [[UInt8]])
  func `a length beyond the end is an error before anything is made of it`(tail: [UInt8]) {
    #expect(code(message(("MsgKey", "t"), ("Body", .raw(tail)))) == .truncated)
    #expect(code(tail) == .truncated || code(tail) == .notAMap)
  }

  @Test(arguments: validMessages)
  func `a message cut off anywhere is none`(whole: [UInt8]) {
    for length in 0..<whole.count { #expect(code(Array(whole[..<length])) != nil) }
    #expect(code(whole) == nil)
  }

  @Test(arguments: validMessages)
  func `flipped bytes never trap, and what still decodes can be set and told as JSON`(whole: [UInt8]) {
    var random = SplitMix(state: UInt64(whole.count))
    for _ in 0..<3000 {
      var bytes = whole
      for _ in 0...Int.random(in: 0...3, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = .random(in: 0...255, using: &random)
      }
      exercise(bytes)
    }
  }

  @Test func `noise never traps`() {
    var random = SplitMix(state: 1)
    for _ in 0..<20000 {
      let length = Int.random(in: 0...40, using: &random)
      exercise([0x80 | UInt8(length % 4)] + (0..<length).map { _ in .random(in: 0...255, using: &random) })
      exercise(message(body: .raw((0..<length).map { _ in .random(in: 0...255, using: &random) })))
    }
  }
}

@Suite("§10 Wrapped messages")
struct WrappedMessageTests {
  @Test func `a string of any family is unwrapped`() throws {
    #expect(try MessagePack.string(Value.text("abc").bytes) == Array("abc".utf8))
    #expect(try MessagePack.string(Value.binary([1, 2]).bytes) == [1, 2])
    #expect(try MessagePack.string([0xda, 0, 1, 7]) == [7])
  }

  @Test func `another type is told from what is no msgpack`() {
    #expect(throws: MessageError(.notAString, at: 0)) { try MessagePack.string(Value.map([("a", 1)]).bytes) }
    #expect(throws: MessageError(.truncated, at: 1)) { try MessagePack.string([0xa5]) }
    #expect(throws: MessageError(.leftOver, at: 1)) { try MessagePack.string([0xa0, 0xa0]) }
    #expect(throws: MessageError(.truncated, at: 0)) { try MessagePack.string([]) }
  }
}
