/// What the clients of a ``ConsoleServer`` may take of it.
public struct ConsoleLimits: Sendable {
  /// Connections at once; further ones are told so, then they are hung up on.
  public var connections = 32
  /// Without a whole line for so long a client is hung up on.
  public var idle = Duration.seconds(120)
  /// A command that takes longer isn't answered any more.
  public var command = Duration.seconds(10)
  /// An answer must be taken after this, or the client is hung up on.
  public var exchange = Duration.seconds(30)
  /// Bytes of lines and of answers on their way, over all connections; an answer beyond isn't given.
  public var heldBytes = 64 << 20
  /// How long a client that is hung up on may go on sending, so that it can read why.
  public var farewell = Duration.seconds(1)
  /// How long commands under way may take when the process stops.
  public var stopPatience = Duration.milliseconds(500)

  /// Room for some people and some scripts.
  public init() {}
}
