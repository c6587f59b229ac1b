/// A request that a ``TestReceiver`` has read to its end.
public struct ReceivedRequest: Sendable {
  public let method: String
  /// Without the query.
  public let path: String
  /// Decoded pairs in their order.
  public let query: [(name: String, value: String)]
  /// Names in lower case, in the order received.
  public let headers: [(name: String, value: String)]
  public let body: [UInt8]
  /// When its last byte had been read.
  public let arrival: ContinuousClock.Instant
  /// Which connection brought it, counted from 1.
  public let connection: Int
  /// Which request to its path it is, counted from 1.
  public let number: Int

  public var text: String { String(decoding: body, as: UTF8.self) }

  /// The first header of that name, which is in lower case.
  public func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }

  public func query(_ name: String) -> String? { query.first { $0.name == name }?.value }

  /// The body as `application/x-www-form-urlencoded`, decoded, in its order.
  public var form: [(name: String, value: String)] { FormDecoder.pairs(body) }

  /// The first form field of that name.
  public func field(_ name: String) -> String? { form.first { $0.name == name }?.value }
}

enum FormDecoder {
  static func pairs(_ bytes: some Collection<UInt8>) -> [(name: String, value: String)] {
    bytes.split(separator: UInt8(ascii: "&")).map { pair in
      let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      return (decode(parts[0]), parts.count > 1 ? decode(parts[1]) : "")
    }
  }

  private static func decode(_ bytes: some Collection<UInt8>) -> String {
    var out: [UInt8] = []
    var rest = Array(bytes)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        out.append(value)
        rest = rest.dropFirst(2)
      } else {
        out.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
      }
    }
    return String(decoding: out, as: UTF8.self)
  }
}
