extension BeanstalkServer {
  /// What a session looks like at one moment, for whoever watches over it.
  public struct Snapshot: Sendable {
    /// Connections that put, delete and kick.
    public var commandConnectionsUp = 0
    /// Connections that take channel jobs.
    public var takeConnectionsUp = 0
    /// Takes that wait for a free connection.
    public var takesWaiting = 0
    /// Tubes that the command connections watch.
    public var holds = 0
    /// Jobs that may lie buried without an owner, to be kicked.
    public var adrift = 0
    /// Bytes of commands that the kernel hasn't taken yet.
    public var unsentBytes = 0
  }

  /// The present state.
  public var snapshot: Snapshot {
    var snapshot = Snapshot()
    snapshot.commandConnectionsUp = commands.count(where: \.isUp)
    snapshot.takeConnectionsUp = takes.upCount
    snapshot.takesWaiting = takes.waitingCount
    snapshot.holds = commands.reduce(0) { $0 + $1.holdCount }
    snapshot.adrift = adrift.count
    snapshot.unsentBytes = commands.reduce(0) { $0 + ($1.connection?.unsentBytes ?? 0) }
    return snapshot
  }
}
