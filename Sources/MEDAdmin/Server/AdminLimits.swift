/// What the clients of an ``AdminServer`` may take of it.
public struct AdminLimits: Sendable {
  /// Connections at once; further ones wait in the kernel until one ends.
  public var connections = 32
  /// A request, its answer and the pause before it must be over in this time, or the connection is closed.
  public var exchange = Duration.seconds(10)
  /// All header fields of a request together.
  public var headerBytes = 16 << 10
  /// The body of a request; past it the connection is closed.
  public var bodyBytes = 64 << 10
  /// How long requests in hand may take when the process stops.
  public var stopPatience = Duration.milliseconds(500)

  public init() {}
}
