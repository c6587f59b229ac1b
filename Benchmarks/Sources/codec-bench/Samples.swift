import MEDCore

/// Messages as shops send them.
enum Samples {
  /// A message whose body, a map of text and numbers, takes about `size` bytes.
  static func message(bodyOf size: Int) -> [UInt8] {
    var body = MessagePackWriter()
    var pairs: UInt32 = 0
    while body.bytes.count < size {
      body.string("order_field_\(pairs)")
      switch pairs % 5 {
      case 0: body.string("some text of usual length, with spaces")
      case 1: body.integer(UInt64(pairs) * 1_234_567)
      case 2: body.string("2024-01-15T10:30:00+08:00")
      case 3: body.bool(true)
      default: body.double(19.99)
      }
      pairs += 1
    }
    var map = MessagePackWriter()
    map.map(pairs)
    map.raw(body.bytes)
    return message(of: map.bytes)
  }

  /// A body of about `size` bytes of Chinese text.
  static func chinese(_ size: Int) -> [UInt8] {
    var body = MessagePackWriter()
    body.string(String(repeating: "聚美优品订单", count: size / 18))
    return body.bytes
  }

  static func message(of body: [UInt8]) -> [UInt8] {
    var message = MessagePackWriter()
    message.map(10)
    message.string("MsgKey")
    message.string("order_paid")
    message.string("Body")
    message.raw(body)
    message.string("Sender")
    message.string("shop-frontend")
    message.string("Time")
    message.double(1_700_000_000.123456)
    message.string("OriginJobId")
    message.integer(UInt64(0))
    message.string("RetryTimes")
    message.integer(UInt64(0))
    message.string("LogId")
    message.integer(UInt64(0))
    message.string("Delay")
    message.integer(UInt64(0))
    message.string("Priority")
    message.integer(UInt64(1024))
    message.string("Context")
    message.string("trace=abcdef0123456789")
    return message.bytes
  }
}
