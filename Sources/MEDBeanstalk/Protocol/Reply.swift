/// What a queue server answers. Names and bodies are ranges of the bytes that the reply was read from.
/// - Source: beanstalkd doc/protocol.txt, 1.12.
public enum Reply: Equatable, Sendable {
  /// INSERTED, with the new job's number.
  case inserted(UInt64)
  /// BURIED with an id: the answer to a put.
  case insertedBuried(UInt64)
  /// BURIED without one: the answer to a bury, or to a release.
  case buried
  /// EXPECTED_CRLF: the body of a put isn't followed by CR LF.
  case expectedCRLF
  /// JOB_TOO_BIG: larger than max-job-size.
  case jobTooBig
  /// DRAINING: no new jobs any more.
  case draining
  /// USING, with the tube's name.
  case using(name: Range<Int>)
  /// RESERVED, with the job's number and bytes.
  case reserved(UInt64, body: Range<Int>)
  /// DEADLINE_SOON: a job that the connection holds has less than a second left.
  case deadlineSoon
  /// TIMED_OUT: no job in time.
  case timedOut
  /// DELETED.
  case deleted
  /// NOT_FOUND: no such job or tube, or not in a state that fits.
  case notFound
  /// RELEASED.
  case released
  /// TOUCHED.
  case touched
  /// WATCHING, with how many tubes are.
  case watching(Int)
  /// NOT_IGNORED: it is the only tube watched.
  case notIgnored
  /// FOUND, with the job's number and bytes.
  case found(UInt64, body: Range<Int>)
  /// KICKED without a number: the answer to kick-job.
  case kicked
  /// KICKED, with how many were.
  case kickedCount(Int)
  /// OK, with YAML.
  case ok(body: Range<Int>)
  /// PAUSED.
  case paused
  /// OUT_OF_MEMORY.
  case outOfMemory
  /// INTERNAL_ERROR: a bug in the server.
  case internalError
  /// BAD_FORMAT: a line that the server can't read.
  case badFormat
  /// UNKNOWN_COMMAND.
  case unknownCommand

  /// The word on the wire.
  public var word: StaticString {
    switch self {
    case .inserted: "INSERTED"
    case .insertedBuried, .buried: "BURIED"
    case .expectedCRLF: "EXPECTED_CRLF"
    case .jobTooBig: "JOB_TOO_BIG"
    case .draining: "DRAINING"
    case .using: "USING"
    case .reserved: "RESERVED"
    case .deadlineSoon: "DEADLINE_SOON"
    case .timedOut: "TIMED_OUT"
    case .deleted: "DELETED"
    case .notFound: "NOT_FOUND"
    case .released: "RELEASED"
    case .touched: "TOUCHED"
    case .watching: "WATCHING"
    case .notIgnored: "NOT_IGNORED"
    case .found: "FOUND"
    case .kicked, .kickedCount: "KICKED"
    case .ok: "OK"
    case .paused: "PAUSED"
    case .outOfMemory: "OUT_OF_MEMORY"
    case .internalError: "INTERNAL_ERROR"
    case .badFormat: "BAD_FORMAT"
    case .unknownCommand: "UNKNOWN_COMMAND"
    }
  }

  /// Whether it is one of those that may answer any command: the server is in trouble, or we wrote nonsense.
  public var isRefusal: Bool {
    switch self {
    case .outOfMemory, .internalError, .badFormat, .unknownCommand, .draining: true
    default: false
    }
  }
}
