/// The file that holds the last known subscriptions across a restart.
///
/// Shape: `MEDSUBS1`, then UInt32 number of subscriptions, for each: Int64 id, topic id, subscriber id, text topic,
/// text reception channel, UInt32 number of parameters and text name, text value for each; last the UInt64 FNV-1a of all
/// before. Little-endian; a text is a UInt32 length and UTF-8.
enum SnapshotFormat {
  private static let magic = Array("MEDSUBS1".utf8)

  enum Problem: String, Error, CustomStringConvertible {
    case notASnapshot = "not a snapshot of this version"
    case damaged = "damaged or cut off"

    var description: String { rawValue }
  }

  static func encode(_ subscriptions: some Collection<Subscription>) -> [UInt8] {
    var bytes = magic
    bytes.reserveCapacity(subscriptions.count * 320)
    append(UInt32(clamping: subscriptions.count), to: &bytes)
    for subscription in subscriptions {
      append(Int64(subscription.id), to: &bytes)
      append(Int64(subscription.topicID), to: &bytes)
      append(Int64(subscription.subscriberID), to: &bytes)
      append(subscription.topic, to: &bytes)
      append(subscription.receptionChannel, to: &bytes)
      append(UInt32(clamping: subscription.parameters.count), to: &bytes)
      for (name, value) in subscription.parameters {
        append(name, to: &bytes)
        append(value, to: &bytes)
      }
    }
    append(checksum(bytes[...]), to: &bytes)
    return bytes
  }

  static func decode(_ bytes: [UInt8]) -> Result<[Subscription], Problem> {
    guard bytes.starts(with: magic) else { return .failure(.notASnapshot) }
    let end = bytes.count - MemoryLayout<UInt64>.size
    guard end >= magic.count else { return .failure(.damaged) }
    var trailer = ByteReader(bytes[end...])
    guard trailer.integer(UInt64.self) == checksum(bytes[..<end]) else { return .failure(.damaged) }
    var reader = ByteReader(bytes[magic.count..<end])
    guard let subscriptions = reader.subscriptions(), reader.isAtEnd else { return .failure(.damaged) }
    return .success(subscriptions)
  }

  private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  private static func append(_ text: String, to bytes: inout [UInt8]) {
    append(UInt32(clamping: text.utf8.count), to: &bytes)
    bytes.append(contentsOf: text.utf8)
  }

  static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}

extension ByteReader {
  fileprivate mutating func subscriptions() -> [Subscription]? {
    guard let count = integer(UInt32.self) else { return nil }
    var result: [Subscription] = []
    result.reserveCapacity(min(Int(count), self.count / 36))
    for _ in 0..<count {
      guard let id = integer(Int64.self), let topicID = integer(Int64.self), let subscriberID = integer(Int64.self),
        let topic = text(), let receptionChannel = text(), let parameters = parameters()
      else { return nil }
      result.append(
        Subscription(
          id: Int(id), topic: topic, topicID: Int(topicID), subscriberID: Int(subscriberID),
          receptionChannel: receptionChannel, parameters: parameters))
    }
    return result
  }

  private mutating func parameters() -> [String: String]? {
    guard let count = integer(UInt32.self) else { return nil }
    var result: [String: String] = [:]
    for _ in 0..<count {
      guard let name = text(), let value = text() else { return nil }
      result[ParameterName(rawValue: name)?.rawValue ?? name] = value
    }
    return result
  }
}
