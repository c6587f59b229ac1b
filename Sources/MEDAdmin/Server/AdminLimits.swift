/// What the clients of an ``AdminServer`` may take of it.
public struct AdminLimits: Sendable {
  /// Connections at once; further ones wait in the kernel until one ends.
  public var connections = 32
  /// A request, its answer and the pause before it must be over in this time, or the connection is closed.
  public var exchange = Duration.seconds(10)
  /// All header fields of a request together.
  public var headerBytes = 16 << 10
  /// The body of a request, whatever is made of it; past it the connection is closed.
  public var bodyBytes = 64 << 10
  /// How long requests in hand may take when the process stops.
  public var stopPatience = Duration.milliseconds(500)

  public init() {}

  /// Of the admin API: commands wait for stores and queue servers, and a subscription may have many URLs.
  public static var forAPI: AdminLimits {
    var limits = AdminLimits()
    limits.exchange = .seconds(30)
    // What is longer than a route takes is answered before it is hung up on.
    limits.bodyBytes = 1 << 20
    return limits
  }
}
