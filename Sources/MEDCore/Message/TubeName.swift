/// A tube name that every queue server accepts.
///
/// Shape: 1 ... 200 bytes of letters, digits and `-+/;.$_()`, not beginning with `-`.
/// - Source: beanstalkd doc/protocol.txt, "names".
public struct TubeName: Hashable, Sendable, CustomStringConvertible {
  /// In bytes.
  public static let maximumLength = 200

  /// The name as it is on the wire.
  public let description: String

  /// - Returns: nil if `name` breaks the rule above.
  public init?(_ name: String) {
    let length = name.utf8.count
    guard length >= 1, length <= Self.maximumLength, name.utf8.first != UInt8(ascii: "-") else { return nil }
    guard name.utf8.allSatisfy(Self.allows) else { return nil }
    description = name
  }

  private static func allows(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      return true
    case UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: ";"), UInt8(ascii: "."),
      UInt8(ascii: "$"), UInt8(ascii: "_"), UInt8(ascii: "("), UInt8(ascii: ")"):
      return true
    default:
      return false
    }
  }
}
