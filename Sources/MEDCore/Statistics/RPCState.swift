/// How the server of `ListenAddr` does. Counts are since the start.
public struct RPCState: Codable, Sendable, Equatable {
  /// Clients that are connected.
  public var connections = 0
  /// Clients that were let in.
  public var accepted = 0
  /// Peers that were hung up on because of their address.
  public var refused = 0
  /// Clients that were one too many.
  public var tooMany = 0
  /// Requests that were read.
  public var requests = 0
  /// Requests among them that were answered with `failed`.
  public var failed = 0
  /// Clients that were hung up on because they don't speak the protocol, or sent too much at once.
  public var malformed = 0
  /// Clients that were hung up on because they were too slow with a request, or with taking an answer.
  public var tooSlow = 0
  /// Commands under way, those included whose client was told that they take too long.
  public var commandsUnderWay = 0

  /// Nothing has happened.
  public init() {}
}
