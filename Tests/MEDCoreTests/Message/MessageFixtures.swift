import MEDCore

/// A msgpack value written out by hand, to build messages of any shape.
indirect enum Value {
  case null
  case bool(Bool)
  case int(Int64)
  case uint(UInt64)
  case float(Float)
  case double(Double)
  case text(String)
  case binary([UInt8])
  case array([Value])
  case map([(Value, Value)])
  /// Bytes as they are: forms that the writer never chooses, and broken ones.
  case raw([UInt8])

  var bytes: [UInt8] {
    var writer = MessagePackWriter()
    write(to: &writer)
    return writer.bytes
  }

  func write(to writer: inout MessagePackWriter) {
    switch self {
    case .null: writer.null()
    case .bool(let value): writer.bool(value)
    case .int(let value): writer.integer(value)
    case .uint(let value): writer.integer(value)
    case .float(let value): writer.float(value)
    case .double(let value): writer.double(value)
    case .text(let value): writer.string(value)
    case .binary(let value): writer.binary(value)
    case .array(let values):
      writer.array(UInt32(values.count))
      for value in values { value.write(to: &writer) }
    case .map(let pairs):
      writer.map(UInt32(pairs.count))
      for (key, value) in pairs {
        key.write(to: &writer)
        value.write(to: &writer)
      }
    case .raw(let bytes): writer.raw(bytes)
    }
  }
}

extension Value: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral {
  init(stringLiteral value: String) { self = .text(value) }
  init(integerLiteral value: Int64) { self = .int(value) }
  init(floatLiteral value: Double) { self = .double(value) }
}

/// The bytes of a message with these entries, in order.
func message(_ entries: (Value, Value)...) -> [UInt8] { Value.map(entries).bytes }

/// The bytes of a message of which only the body matters.
func message(body: Value) -> [UInt8] { message(("MsgKey", "t"), ("Body", body)) }

/// Arrays within arrays; `depth` of them.
func nested(_ depth: Int) -> Value { .raw([UInt8](repeating: 0x91, count: depth - 1) + [0x90]) }

/// Messages of all shapes, all of them valid and fit for JSON.
let validMessages: [[UInt8]] = [
  message(("MsgKey", "order_paid")),
  message(
    ("MsgKey", "order_paid"),
    ("Body", .map([("id", 7), ("price", 19.99), ("tags", .array(["a", "ü", .null, .bool(true)]))])),
    ("Sender", "shop"), ("Time", 1_700_000_000.123456), ("OriginJobId", 77), ("RetryTimes", 3), ("LogId", 9),
    ("Delay", 5), ("Priority", 1024), ("Context", "ctx"), ("Owl_context", "owl")),
  message(
    ("msgKey", .binary(Array("t".utf8))), ("body", .binary([0, 255, 128])), ("time", "1.5e3"), ("originJobId", "12"),
    ("extra", .raw([0xc7, 2, 5, 1, 2])), (.array([1, .map([(2, 3)])]), "key of another kind")),
  message(("Body", nested(20)), ("MsgKey", "t"), ("MsgKey", "u"), ("OriginJobId", 1), ("OriginJobId", 300)),
  message(
    ("MsgKey", "t"),
    (
      "Body",
      .map([
        (.null, .float(0.1)), (.bool(true), .int(.min)), (1.5, .uint(.max)), (-40000, 70000), (.binary([65]), ""),
      ])
    )),
]

/// A small seeded generator: the same bytes in every run.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
