/// What a queue server answers. Names and bodies are ranges of the bytes that the reply was read from.
/// - Source: beanstalkd doc/protocol.txt, 1.12.
public enum Reply: Equatable, Sendable {
  case inserted(UInt64)
  /// BURIED with an id: the answer to a put.
  case insertedBuried(UInt64)
  /// BURIED without one: the answer to a bury, or to a release.
  case buried
  case expectedCRLF
  case jobTooBig
  case draining
  case using(name: Range<Int>)
  case reserved(UInt64, body: Range<Int>)
  case deadlineSoon
  case timedOut
  case deleted
  case notFound
  case released
  case touched
  case watching(Int)
  case notIgnored
  case found(UInt64, body: Range<Int>)
  case kicked
  case kickedCount(Int)
  case ok(body: Range<Int>)
  case paused
  case outOfMemory
  case internalError
  case badFormat
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
