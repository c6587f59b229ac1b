import FoundationEssentials
import Glibc
import MEDCore

/// A message on its way to everybody who has subscribed to its topic.
///
/// ```
/// var message = Message(topic: "order_paid", body: ["order": 4711, "total": 19.9])
/// message.sender = "shop"
/// ```
public struct Message: Sendable {
  /// What subscribers get.
  public enum Body: Sendable {
    /// A value. Numbers that JSON doesn't know (NaN, infinities) are written as null.
    case value(JSONValue)
    /// A JSON text in UTF-8.
    case json([UInt8])
    /// One msgpack value, which goes on byte for byte.
    case messagePack([UInt8])
  }

  /// The priority of messages for which none is named.
  public static let defaultPriority: UInt32 = 1024

  /// What it is about; subscriptions name it. 1 ... 200 letters, digits and `-+/;.$_()`, not beginning with `-`; keep it
  /// short, since channels are named `<topic>/sub-queue/<id>/FAIL` within the same 200 bytes.
  public var topic: String
  /// What subscribers get.
  public var body: Body
  /// Who published; left out if empty.
  public var sender = ""
  /// Unix seconds when it was handed over, finite; subscribers see it in the job id. The moment of its making by default,
  /// so that a message which is published again keeps it.
  public var time: Double
  /// In the main queue: 0 is the most urgent.
  public var priority = Message.defaultPriority
  /// Whole seconds that it waits in the main queue before anybody gets it.
  public var delay: UInt32 = 0
  /// Handed on to subscribers as a header; left out if empty. One with CR, LF or NUL isn't handed on.
  public var context = ""
  /// The second of the two contexts.
  public var owlContext = ""

  /// A message of which the rest is as the properties say.
  public init(topic: String, body: Body) {
    self.topic = topic
    self.body = body
    time = Self.now
  }

  /// A message with a value made from literals: `["order": 4711]`.
  public init(topic: String, body: JSONValue) { self.init(topic: topic, body: .value(body)) }

  /// A message with a JSON text.
  public init(topic: String, json: String) { self.init(topic: topic, body: .json(Array(json.utf8))) }

  /// A message with a value of your own.
  /// - Parameters:
  ///   - topic: what it is about.
  ///   - value: what subscribers get, as JSON.
  ///   - encoder: makes JSON of it, and says how dates and data are written.
  /// - Throws: what `encoder` throws.
  public init(topic: String, encoding value: some Encodable, with encoder: JSONEncoder = JSONEncoder()) throws {
    self.init(topic: topic, body: .json([UInt8](try encoder.encode(value))))
  }

  private static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1_000_000_000
  }
}
