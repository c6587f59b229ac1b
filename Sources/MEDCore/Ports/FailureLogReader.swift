/// Looks at the rows that a ``FailureLog`` keeps (SPEC §7): for people who want to know what failed, and why.
///
/// The table may hold millions of rows, and may have no other index than that of its primary key. So a look is bounded
/// by rows, not by what it finds: it goes down from a row id through at most ``FailureQuery/window`` of them.
public protocol FailureLogReader: Sendable {
  /// A page, the latest rows first.
  func failures(_ query: FailureQuery) async throws(StoreError) -> FailurePage

  /// One row with all that it holds; nil if there is none by that id.
  func failure(_ id: Int) async throws(StoreError) -> FailureRecord?
}

/// Which rows are asked for. What is nil doesn't matter.
public struct FailureQuery: Sendable, Equatable {
  /// Rows looked at for one page.
  public static let window = 20_000
  /// Rows of a page at most.
  public static let maximumLimit = 500

  /// The number of the subscription.
  public var subscription: Int?
  /// The key of the topic.
  public var topic: String?
  /// What has become of the message.
  public var state: FailureRecord.State?
  /// Unix seconds: the first failure was then or later.
  public var from: Int64?
  /// Unix seconds: the first failure was before.
  public var until: Int64?
  /// Only rows with smaller ids; nil: from the latest on.
  public var before: Int?
  /// Rows at most; 1 ... ``maximumLimit``.
  public var limit = 100

  /// All rows.
  public init() {}
}

/// Rows, and where to go on.
public struct FailurePage: Sendable, Equatable {
  /// The latest first. Texts are cut after ``FailureRecord/listedTextLength`` characters; messages are left out.
  public var records: [FailureRecord]
  /// The ``FailureQuery/before`` of the next page, which may be empty and have a next one all the same; nil: there are no
  /// further rows.
  public var next: Int?

  /// A page.
  public init(records: [FailureRecord], next: Int?) {
    self.records = records
    self.next = next
  }
}

/// One row of `broadcast_failure_log`: a message that has failed for one subscription.
public struct FailureRecord: Sendable, Equatable {
  /// Of the two failure texts in a list.
  public static let listedTextLength = 500

  /// What has become of the message.
  public enum State: String, Sendable, CaseIterable {
    /// It is still tried.
    case open
    /// A push was acknowledged.
    case delivered
    /// It isn't tried any more.
    case givenUp = "given_up"

    /// From the columns `alive` and `final_status`.
    public init(alive: Int, finalStatus: Int) {
      self = alive != 0 ? .open : finalStatus == 1 ? .delivered : .givenUp
    }
  }

  /// `log_id`
  public var id = 0
  /// The number of the subscription.
  public var subscription = 0
  /// The key of the topic; empty if there is no such row.
  public var topic = ""
  /// The topic's row.
  public var topicID = 0
  /// The subscriber's row.
  public var subscriberID = 0
  /// The jobid that the pushes carry.
  public var jobID = ""
  /// What has become of the message.
  public var state = State.open
  /// Unix seconds of the first failure.
  public var time: Int64 = 0
  /// Unix seconds when the publisher handed the message over.
  public var messageTime = 0.0
  /// The text of the first failure.
  public var firstFailure = ""
  /// The text of the latest failed retry; empty if there was none.
  public var lastFailure = ""
  /// Where the latest push went to.
  public var target = ""
  /// How many retries there were.
  public var retryTimes: Int64 = 0
  /// Unix seconds of the latest retry, 0 if there was none.
  public var lastRetryTime: Int64 = 0
  /// `message_body`: the body as JSON text; nil in a list.
  public var message: String?

  /// An empty row.
  public init() {}
}
