import Logging

/// How jobs are kept from others while they are worked on.
public enum InFlightState: String, Sendable, CaseIterable {
  /// Buried at once, for as long as it takes. If the process dies somebody has to kick them.
  case buried
  /// Reserved, and touched before the time to run ends. If the process dies the server gives them back by itself.
  case reserved
}

/// How a session with a queue server behaves.
public struct BeanstalkConfiguration: Sendable {
  /// Connections per server that put, delete and kick; at least 1.
  public var commandConnections = 1
  /// Connections per server that take channel jobs; at least 1.
  public var takeConnections = 2

  /// How jobs that are taken are kept from others.
  public var inFlightState = InFlightState.buried
  /// The priority that a job is buried with, and hence has after a kick.
  public var buryPriority: UInt32 = 1024
  /// How long a worker may keep a job that it reserved, in whole seconds, for jobs that are put.
  public var timeToRun: UInt32 = 60

  /// For each address of the server.
  public var connectTimeout = Duration.seconds(3)
  /// How long a server may leave a command unanswered, unless it is one that blocks.
  public var replyTimeout = Duration.seconds(10)
  /// Reconnecting: the first pause and the longest one.
  public var backoff = Duration.milliseconds(50)...Duration.seconds(5)
  /// How long a put waits for the very first connection.
  public var firstConnectPatience = Duration.milliseconds(100)

  /// An idle take connection gives its tube back after this, or up to a third later.
  public var idleTakeTime = Duration.milliseconds(1500)
  /// A tube that nothing was put into for this long is not held any more, unless it is pinned.
  public var holdTime = Duration.seconds(2)
  /// Tubes that one command connection holds at a time; beyond it the ones least recently used are let go.
  public var maximumHolds = 1000

  /// The largest batch a listener asks for.
  public var maximumBatch = 64
  /// While answers are awaited, commands are gathered until they come or this many bytes wait.
  public var gatherLimit = 32 << 10
  /// Bytes that may wait to be sent on one connection; what comes beyond is refused as if the server were away.
  public var outputLimit = 256 << 20
  /// Jobs that may lie buried without an owner, until it is known: with so many, nothing more is taken from the server or
  /// put there until some of them are settled. What is under way then comes on top.
  public var maximumAdrift = 10_000
  /// The largest answer that is read, in bytes: a job, or the list of all tubes.
  public var maximumReplyBody = 64 << 20

  /// Where outages, reconnects and jobs in doubt are told; nowhere by default.
  public var logger = Logger(label: "beanstalk", factory: { _ in SwiftLogNoOpLogHandler() })

  /// The defaults.
  public init() {}
}
