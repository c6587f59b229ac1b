/// A message as a producer puts it into the main queue. Fields that are nil are left out of the map.
/// ```
/// try beanstalk.put(TestMessage(topic: "order_paid", body: ["id": 7]).encoded, into: "main-incoming-queue")
/// ```
public struct TestMessage: Sendable {
  public var topic: String
  public var body: MsgpackValue
  public var sender: String?
  /// Unix seconds.
  public var time: Double?
  public var originJobID: UInt64?
  public var retryTimes: UInt64?
  public var logID: UInt64?
  /// Seconds.
  public var delay: UInt64?
  public var priority: UInt64?
  public var context: String?
  public var owlContext: String?
  /// Further pairs, after the others.
  public var extra: [(MsgpackValue, MsgpackValue)] = []

  public init(
    topic: String, body: MsgpackValue = ["n": 1], sender: String? = "test", time: Double? = 1_700_000_000.25,
    originJobID: UInt64? = nil, retryTimes: UInt64? = nil, logID: UInt64? = nil, delay: UInt64? = nil,
    priority: UInt64? = nil, context: String? = nil, owlContext: String? = nil
  ) {
    self.topic = topic
    self.body = body
    self.sender = sender
    self.time = time
    self.originJobID = originJobID
    self.retryTimes = retryTimes
    self.logID = logID
    self.delay = delay
    self.priority = priority
    self.context = context
    self.owlContext = owlContext
  }

  /// The msgpack map.
  public var encoded: [UInt8] {
    var pairs: [(MsgpackValue, MsgpackValue)] = [("MsgKey", .string(topic)), ("Body", body)]
    func add(_ key: MsgpackValue, _ value: MsgpackValue?) {
      if let value { pairs.append((key, value)) }
    }
    add("Sender", sender.map { .string($0) })
    add("Time", time.map { .double($0) })
    add("OriginJobId", originJobID.map { .unsigned($0) })
    add("RetryTimes", retryTimes.map { .unsigned($0) })
    add("LogId", logID.map { .unsigned($0) })
    add("Delay", delay.map { .unsigned($0) })
    add("Priority", priority.map { .unsigned($0) })
    add("Context", context.map { .string($0) })
    add("Owl_context", owlContext.map { .string($0) })
    return MsgpackValue.map(pairs + extra).encoded
  }
}
