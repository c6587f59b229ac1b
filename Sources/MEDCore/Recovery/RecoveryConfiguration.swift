/// How the recover lists are emptied.
public struct RecoveryConfiguration: Sendable {
  /// The most entries that are in hand at once: as many may come twice after a crash.
  public var largestBatch = 1_000
  /// The next batch is made smaller when entries are so large that it would have more bytes.
  public var batchBytes = 4 << 20
  /// How soon a server that can't be used is asked again at first, and at most how long that takes.
  public var pauses = Duration.milliseconds(100)...Duration.seconds(5)
  /// How often others are shown that this process lives.
  public var keepAliveInterval = Duration.seconds(2)
  /// How long what can be put nowhere is held in hand while its list can't be reached either, before it is recorded.
  public var patience = Duration.seconds(30)
  /// How many entries may wait for the DATA log; past that nothing is taken.
  public var maximumWaiting = 1_000
  /// How many bytes of such entries there may be.
  public var maximumWaitingBytes = 64 << 20
  /// How long a stop waits for the recover lists' server.
  public var stopDeadline = Duration.seconds(2)

  /// The defaults.
  public init() {}
}
