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
  case recoverPutBackFailed = "RECOVFAILBACK"
  case redistributionFailed = "REDISTFAIL"
  case recoverDecodeFailed = "RECOVFAILDECODE"
  case recoverTypeFailed = "RECOVFAILASSERT"
  case deleteFailed = "DELFAIL"
  case undecodable = "DECODERR"
  case kickFailed = "KICKFAIL"
  case exhausted = "EXHAUSTED"
  case dropped = "DROPPED"
  case sent = "SENT"
  case resent = "RESENT"
}

/// One line of the DATA log: `<RFC 3339 UTC, µs> <KIND> <one-line JSON object>`.
/// Fields that don't apply are left out of the object.
public struct DataRecord: Sendable, Equatable {
  public var kind: RecordKind
  public var topic: String?
  public var subscription: Int?
  public var queueServer: String?
  public var tube: String?
  public var jobID: UInt64?
  public var reason: String?
  /// The exact bytes wherever the message may exist nowhere else; base64 in the line.
  public var payload: [UInt8]?
  /// Of one push: SENT and RESENT.
  public var push: Push?

  public struct Push: Sendable, Equatable {
    /// `<Time>-<OriginJobId>-<subscription id>`, the subscriber's `jobid`.
    public var jobID: String
    public var delivered: Bool
    public var status: Int
    public var elapsed: Duration
    public var target: String
    /// The message as JSON text (UTF-8): goes into the line as it is, as the value of `body`.
    public var body: [UInt8]

    public init(jobID: String, delivered: Bool, status: Int, elapsed: Duration, target: String, body: [UInt8]) {
      self.jobID = jobID
      self.delivered = delivered
      self.status = status
      self.elapsed = elapsed
      self.target = target
      self.body = body
    }
  }

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
