/// The record that makes loss impossible (SPEC §6). Thread-safe.
public protocol DataLog: Sendable {
  /// Writes a record soon. For what exists elsewhere too: SENT, RESENT, DELFAIL, KICKFAIL …
  /// When the buffer is full the record is dropped and counted, never waited for.
  func write(_ record: DataRecord)

  /// Returns once the record is on disk (fsync): it may stand for the only copy now.
  /// - Throws: if it could not be written; then the job it stands for must not be deleted.
  func commit(_ record: DataRecord) async throws

  /// How it does, for whoever watches over it; nil if it doesn't tell.
  var condition: DataLogHealth? { get }
}

extension DataLog {
  public var condition: DataLogHealth? { nil }
}

/// What a record tells (SPEC §6).
public enum RecordKind: String, Sendable, CaseIterable {
  /// From a recover list, could be put nowhere, not even back.
  case recoverPutBackFailed = "RECOVFAILBACK"
  /// From the main queue, couldn't be put into a channel.
  case redistributionFailed = "REDISTFAIL"
  /// From a recover list, not decodable.
  case recoverDecodeFailed = "RECOVFAILDECODE"
  /// From a recover list, not of the expected type.
  case recoverTypeFailed = "RECOVFAILASSERT"
  /// A job couldn't be deleted: it may be pushed twice.
  case deleteFailed = "DELFAIL"
  /// Bytes that are no message.
  case undecodable = "DECODERR"
  /// A job couldn't be kicked: it isn't pushed until somebody does.
  case kickFailed = "KICKFAIL"
  /// Given up after the last retry.
  case exhausted = "EXHAUSTED"
  /// Dropped on purpose.
  case dropped = "DROPPED"
  /// A first push.
  case sent = "SENT"
  /// A repeated push.
  case resent = "RESENT"
}

/// One line of the DATA log: `<RFC 3339 UTC, µs> <KIND> <one-line JSON object>`.
/// Fields that don't apply are left out of the object.
public struct DataRecord: Sendable, Equatable {
  /// What it tells.
  public var kind: RecordKind
  /// The message's.
  public var topic: String?
  /// The number of the subscription that it concerns.
  public var subscription: Int?
  /// Where the job was: `host:port`.
  public var queueServer: String?
  /// The job's.
  public var tube: String?
  /// The job's number on its queue server.
  public var jobID: UInt64?
  /// For people.
  public var reason: String?
  /// The exact bytes wherever the message may exist nowhere else; base64 in the line.
  public var payload: [UInt8]?
  /// Of one push: SENT and RESENT.
  public var push: Push?

  /// One push and its result.
  public struct Push: Sendable, Equatable {
    /// `<Time>-<OriginJobId>-<subscription id>`, the subscriber's `jobid`.
    public var jobID: String
    /// Whether it was acknowledged.
    public var delivered: Bool
    /// The HTTP status; 0 if there was no answer.
    public var status: Int
    /// From the start to the last byte.
    public var elapsed: Duration
    /// The URL.
    public var target: String
    /// The message as JSON text (UTF-8): goes into the line as it is, as the value of `body`.
    public var body: [UInt8]

    /// A push and its result.
    public init(jobID: String, delivered: Bool, status: Int, elapsed: Duration, target: String, body: [UInt8]) {
      self.jobID = jobID
      self.delivered = delivered
      self.status = status
      self.elapsed = elapsed
      self.target = target
      self.body = body
    }
  }

  /// A record; what doesn't apply is left out.
  public init(
    _ kind: RecordKind, topic: String? = nil, subscription: Int? = nil, queueServer: String? = nil,
    tube: String? = nil, jobID: UInt64? = nil, reason: String? = nil, payload: [UInt8]? = nil, push: Push? = nil
  ) {
    self.kind = kind
    self.topic = topic
    self.subscription = subscription
    self.queueServer = queueServer
    self.tube = tube
    self.jobID = jobID
    self.reason = reason
    self.payload = payload
    self.push = push
  }
}
