/// Cuts what a client sends into requests. Total: whatever the bytes are, and however they arrive, it ends with requests,
/// a close or a problem.
///
/// Wire: 8 bytes, then a body. The 8 bytes are the length of **the body alone**, in bytes, in ASCII decimal, padded with
/// NUL behind; leading zeros are allowed. A client that is done sends `CLOSE`, padded or not, in the place of the 8 bytes.
/// ```
/// 33 36 00 00 00 00 00 00  {"cmd":"GetPushStatistics","args":{}}      36 bytes follow
/// 43 4c 4f 53 45                                                      CLOSE
/// ```
///
/// Holds what has arrived of one request and what came with it: never more than it was given, and no memory for what a
/// length only announces.
public struct RPCFrameParser: Sendable {
  /// The 8 bytes before a body.
  public static let headerLength = 8
  /// The longest body, in bytes.
  public static let maximumBody = 1 << 20

  /// What a client wants.
  public enum Event: Sendable, Equatable {
    /// A body, 1 ... ``maximumBody`` bytes.
    case request([UInt8])
    /// It is done; nothing after that counts.
    case close
    /// It doesn't speak this protocol; nothing after that counts.
    case malformed(Problem)
  }

  /// What is wrong with the 8 bytes before a body.
  public enum Problem: String, Sendable, CaseIterable {
    /// Something else than digits and NULs behind them, or no digit.
    case notALength = "a length is expected: 8 bytes, decimal digits, padded with NUL"
    /// The length is 0.
    case empty = "a request has at least 1 byte"
    /// The length is above ``maximumBody``.
    case tooLong = "a request has at most 1048576 bytes"
  }

  private var bytes: [UInt8] = []
  private var position = 0
  private var isOver = false

  /// Nothing has arrived.
  public init() {}

  /// Bytes that have arrived and that no event was made of.
  public var heldBytes: Int { bytes.count - position }

  /// A part of a request is there. True as well while requests wait to be asked for.
  public var hasBegun: Bool { heldBytes > 0 }

  /// Takes what has arrived. After ``Event/close`` and ``Event/malformed(_:)`` nothing is taken any more.
  public mutating func append(_ part: some Sequence<UInt8>) {
    guard !isOver else { return }
    if position > 0 {
      bytes.removeSubrange(..<position)
      position = 0
    }
    bytes.append(contentsOf: part)
  }

  /// The next event; nil: more must arrive first, or nothing will come any more.
  public mutating func next() -> Event? {
    guard !isOver else { return nil }
    switch Self.header(bytes[position...]) {
    case .needsMore: return nil
    case .close: return end(.close)
    case .malformed(let problem): return end(.malformed(problem))
    case .length(let length):
      let start = position + Self.headerLength
      guard bytes.count - start >= length else { return nil }
      position = start + length
      let body = Array(bytes[start..<position])
      if position == bytes.count {
        bytes = []
        position = 0
      }
      return .request(body)
    }
  }

  private mutating func end(_ event: Event) -> Event {
    isOver = true
    bytes = []
    position = 0
    return event
  }

  private enum Header {
    case needsMore, close
    case length(Int)
    case malformed(Problem)
  }

  /// Byte by byte, so that a part says the same as the whole as soon as it can.
  private static func header(_ bytes: ArraySlice<UInt8>) -> Header {
    if bytes.first == UInt8(ascii: "C") {
      let close = Array("CLOSE".utf8)
      guard close.starts(with: bytes.prefix(close.count)) else { return .malformed(.notALength) }
      return bytes.count >= close.count ? .close : .needsMore
    }
    var length = 0
    var isPadded = false
    for (index, byte) in bytes.prefix(headerLength).enumerated() {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        guard !isPadded else { return .malformed(.notALength) }
        length = length * 10 + Int(byte - UInt8(ascii: "0"))
        guard length <= maximumBody else { return .malformed(.tooLong) }
      case 0:
        guard index > 0 else { return .malformed(.notALength) }
        isPadded = true
      default:
        return .malformed(.notALength)
      }
    }
    guard bytes.count >= headerLength else { return .needsMore }
    return length == 0 ? .malformed(.empty) : .length(length)
  }
}
