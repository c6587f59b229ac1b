import MEDCore

extension BeanstalkServer {
  public var condition: QueueServerCondition {
    var condition = QueueServerCondition()
    condition.since = health.since
    condition.latestError = health.latestError?.message
    condition.commandConnectionsUp = commands.count(where: \.isUp)
    condition.takeConnectionsUp = takes.upCount
    condition.takesWaiting = takes.waitingCount
    condition.listeners = listeners.count { !$0.isFinished }
    condition.listenersUp = listeners.count(where: \.isUp)
    condition.holds = commands.reduce(0) { $0 + $1.holdCount }
    condition.adrift = adrift.count
    condition.unsentBytes = commands.reduce(0) { $0 + ($1.connection?.unsentBytes ?? 0) }
    return condition
  }
}
