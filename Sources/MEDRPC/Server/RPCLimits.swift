/// What the clients of an ``RPCServer`` may take of it (SPEC §8).
public struct RPCLimits: Sendable {
  /// Connections at once; further ones get `failed`, then they are hung up on.
  public var connections = 15_000
  /// Without a request for so long a client is hung up on.
  public var idle = Duration.seconds(120)
  /// A request that has begun must be there after this, and an answer be taken; or the client is hung up on.
  public var exchange = Duration.seconds(5)
  /// A command that takes longer gets `failed`.
  public var command = Duration.seconds(2)
  /// Commands under way at once, those included whose client was told that they take too long; further ones get `failed`.
  public var commands = 1_000
  /// Bytes of unfinished requests and of answers on their way, over all connections; a request beyond gets `failed`.
  public var heldBytes = 64 << 20
  /// How long a client that is hung up on may go on sending, so that it can read why.
  public var farewell = Duration.seconds(1)
  /// How long commands under way may take when the process stops.
  public var stopPatience = Duration.milliseconds(500)

  /// Those of SPEC §8.
  public init() {}
}
