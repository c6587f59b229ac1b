import MEDCore
import Testing

@Suite("§10 Recover lists: what an entry holds")
struct RecoveredEntryTests {
  private static let bare = message(("MsgKey", "order_paid"), ("Body", 7), ("Priority", 5), ("Delay", "60"))

  private func wrapped(_ bytes: [UInt8], times: Int = 1, binary: Bool = false) -> [UInt8] {
    (0..<times).reduce(bytes) { inner, _ in
      binary
        ? Value.binary(inner).bytes : [0xdb] + withUnsafeBytes(of: UInt32(inner.count).bigEndian) { Array($0) } + inner
    }
  }

  private func found(_ bytes: [UInt8]) -> String {
    switch RecoveredEntry(bytes) {
    case .message(let envelope): envelope.bytes == Self.bare ? "message" : "another message"
    case .wrongType(let name): name
    case .undecodable(let error): error.code.rawValue
    }
  }

  @Test func `a message is found within strings and without`() {
    #expect(found(Self.bare) == "message")
    for times in 1...4 {
      #expect(found(wrapped(Self.bare, times: times)) == "message")
      #expect(found(wrapped(Self.bare, times: times, binary: true)) == "message")
    }
    #expect(found(wrapped(Self.bare, times: 5)) == "notAMap")
  }

  @Test func `its own priority and delay are read`() {
    guard case .message(let envelope) = RecoveredEntry(wrapped(Self.bare)) else {
      Issue.record("no message")
      return
    }
    #expect(envelope.hasPriority)
    #expect(envelope.priority == 5)
    #expect(envelope.delay == 60)
  }

  @Test func `msgpack of another type is told by its name, within strings too`() {
    let others: [(Value, String)] = [
      (.null, "nil"), (.bool(true), "bool"), (1, "integer"), (-1, "integer"), (1.5, "float"),
      (.array([1, 2]), "array"),
      (.raw([0xd4, 1, 2]), "extension"),
    ]
    for (value, name) in others {
      #expect(found(value.bytes) == name)
      #expect(found(wrapped(value.bytes)) == name)
    }
  }

  @Test func `what is no msgpack, or a map that is no message, is undecodable`() {
    #expect(found([]) == "truncated")
    #expect(found(Value.text("").bytes) == "truncated")
    #expect(found([0xc1]) == "malformed")
    #expect(found(Array("plain text".utf8)) == "leftOver")
    #expect(found(Array(#"{"MsgKey":"a"}"#.utf8)) == "leftOver")
    #expect(found(Array(Self.bare.dropLast())) == "truncated")
    #expect(found(Self.bare + [0]) == "leftOver")
    #expect(found(wrapped(Self.bare) + [0]) == "leftOver")
    #expect(found(Array(wrapped(Self.bare).dropLast())) == "truncated")
    #expect(found(Value.map([("Body", 1)]).bytes) == "noTopic")
    #expect(found(wrapped(Value.map([]).bytes)) == "noTopic")
    #expect(found([0xdd, 0xff, 0xff, 0xff, 0xff]) == "truncated")
    #expect(found([UInt8](repeating: 0x91, count: 1_000) + [0xc0]) == "tooDeep")
  }

  @Test func `any bytes are one of the three, also a message that was damaged`() {
    for bytes in [Self.bare, wrapped(Self.bare), wrapped(Self.bare, times: 3, binary: true)] {
      for index in bytes.indices {
        for bit in 0..<8 {
          var damaged = bytes
          damaged[index] ^= 1 << bit
          _ = RecoveredEntry(damaged)
        }
        _ = RecoveredEntry(Array(bytes[..<index]))
        _ = RecoveredEntry(Array(bytes[index...]))
      }
    }
  }
}
