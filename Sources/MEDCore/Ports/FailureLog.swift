/// Where a row is kept for every message that has failed (SPEC §7). Called from the engine's loop; works on threads of
/// its own.
public protocol FailureLog: Sendable {
  /// Writes what has become of some messages: all of it or, when it throws, nothing.
  ///
  /// For each entry, in order: its row is the one with ``FailureEntry/logID`` if subscription and job id agree, else the
  /// one with the entry's (subscription, job id), else a new one. Writing the same entries again changes nothing.
  /// - Returns: the row id of each entry, in their order.
  /// - Throws: `.constraint` if an entry is refused for good, else what keeps the log from working now.
  func write(_ entries: [FailureEntry]) async throws(StoreError) -> [Int]
}

/// What is known of one failing message since its row was last written.
public struct FailureEntry: Sendable, Equatable {
  /// How a message ended: `final_status`.
  public enum End: UInt8, Sendable {
    /// It isn't tried any more; the DATA log has it.
    case givenUp = 0
    /// A push was acknowledged.
    case delivered = 1
  }

  /// The number of the subscription whose copy it is.
  public var subscription: Int
  /// The push's jobid.
  public var jobID: String
  /// The topic's row, 0 if there is none.
  public var topicID: Int
  /// The subscriber's row, 0 if there is none.
  public var subscriberID: Int
  /// The row as the message knows it, 0: none.
  public var logID: UInt64
  /// Unix seconds when the publisher handed the message over.
  public var messageTime: Double
  /// The message as it is in the queue, for ``body``; empty if the row is there already.
  public var message: [UInt8]
  /// Unix seconds of the oldest failure that the entry knows, or of its end.
  public var time: Int64
  /// The text of that failure, for a new row.
  public var firstFailure: String?
  /// The text of the latest failed retry, or of what came after a push and can't be repeated; nil: none.
  public var lastFailure: String?
  /// Where the latest push went to; empty if there was none.
  public var lastTarget: String
  /// How many retries there were, the latest push included; 0: it was the first one.
  public var retryTimes: UInt64
  /// Unix seconds of the latest retry, 0 if there was none.
  public var lastRetryTime: Int64
  /// nil: the message is still tried.
  public var end: End?

  /// Only the subscription and the jobid must be known.
  public init(
    subscription: Int, jobID: String, topicID: Int = 0, subscriberID: Int = 0, logID: UInt64 = 0,
    messageTime: Double = 0, message: [UInt8] = [], time: Int64 = 0, firstFailure: String? = nil,
    lastFailure: String? = nil, lastTarget: String = "", retryTimes: UInt64 = 0, lastRetryTime: Int64 = 0,
    end: End? = nil
  ) {
    self.subscription = subscription
    self.jobID = jobID
    self.topicID = topicID
    self.subscriberID = subscriberID
    self.logID = logID
    self.messageTime = messageTime
    self.message = message
    self.time = time
    self.firstFailure = firstFailure
    self.lastFailure = lastFailure
    self.lastTarget = lastTarget
    self.retryTimes = retryTimes
    self.lastRetryTime = lastRetryTime
    self.end = end
  }

  /// The message's body as JSON, for `message_body`: made here, off the loop, and only when a row is inserted.
  public var body: String {
    guard !message.isEmpty, let envelope = try? Envelope(message), let json = try? PushBody.json(envelope) else {
      return "null"
    }
    return String(decoding: json, as: UTF8.self)
  }

  /// Takes what has happened since. Nothing that a row holds is lost: it has the first failure and the latest.
  mutating func merge(_ later: FailureEntry) {
    if later.logID != 0 { logID = later.logID }
    if message.isEmpty { message = later.message }
    firstFailure = firstFailure ?? later.firstFailure
    lastFailure = later.lastFailure ?? lastFailure
    if !later.lastTarget.isEmpty { lastTarget = later.lastTarget }
    retryTimes = max(retryTimes, later.retryTimes)
    lastRetryTime = max(lastRetryTime, later.lastRetryTime)
    end = later.end
  }

  /// What it takes in memory, roughly.
  var size: Int {
    240 + jobID.utf8.count + message.count + (firstFailure?.utf8.count ?? 0) + (lastFailure?.utf8.count ?? 0)
      + lastTarget.utf8.count
  }

  var key: FailureKey { FailureKey(subscription: subscription, jobID: jobID) }
}

/// What a row is found by.
struct FailureKey: Hashable, Sendable {
  let subscription: Int
  let jobID: String
}
