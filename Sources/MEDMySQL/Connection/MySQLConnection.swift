import Logging
import MEDCore
import MEDLoop

/// One connection to the server, blocking, on a thread of its own; made when it is needed, and anew when it is lost.
actor MySQLConnection {
  /// What ``MySQLConnection/changedSubscriptions(since:)`` remembers of its last look.
  struct Watch {
    var version = StoreVersion(rawValue: 0)
    var fingerprint: Int?
    var warnings: Set<RowWarning> = []
  }

  nonisolated let connector: MySQLConnector
  nonisolated let breaker = ConnectionBreaker()
  nonisolated let logger: Logger
  /// Used as a thread alone: nothing else runs on it that blocking would hold up.
  nonisolated let thread: EventLoop
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  var watch = Watch()
  /// Of the connection that is open: an operator may change the table between two.
  var failureTable: FailureTable?
  /// The outcome of the latest transaction isn't known.
  var hasLostTransaction = false
  /// An operator has been told, once.
  var hasWarnedOfFailureTable = false
  private var handle: MySQLHandle?

  /// - Throws: ``LoopError`` if the system has no thread.
  init(_ connector: MySQLConnector, name: String, logger: Logger) throws(LoopError) {
    self.connector = connector
    self.logger = logger
    thread = try EventLoop.start(name: name)
  }

  deinit { thread.stop() }

  func open() throws(StoreError) { _ = try opened() }

  func close() {
    failureTable = nil
    handle = nil
  }

  /// Runs statements that change nothing, once more if the connection was lost before: a server closes those that are idle.
  func read<T>(_ body: (MySQLHandle) throws(StoreError) -> T) throws(StoreError) -> T {
    let wasOpen = handle != nil
    let begun = ContinuousClock.now
    do throws(StoreError) {
      return try body(opened())
    } catch {
      discard(after: error)
      guard wasOpen, canBeRepeated(error, begun) else { throw error }
    }
    do throws(StoreError) {
      return try body(opened())
    } catch {
      discard(after: error)
      throw error
    }
  }

  /// Runs `body` in a transaction. When it throws nothing is changed, in tables that know transactions.
  func write<T>(_ body: (MySQLHandle) throws(StoreError) -> T) throws(StoreError) -> T {
    // Nothing has been done yet by then: it may be tried again.
    try read { handle throws(StoreError) in try handle.command("START TRANSACTION") }
    let handle = try opened()
    do throws(StoreError) {
      let result = try body(handle)
      try handle.command("COMMIT")
      return result
    } catch {
      discard(after: error)
      if self.handle != nil {
        do throws(StoreError) { try handle.command("ROLLBACK") } catch { close() }
      }
      throw error
    }
  }

  private func opened() throws(StoreError) -> MySQLHandle {
    if let handle { return handle }
    let new = try connector.connect(breaker)
    handle = new
    return new
  }

  /// After an error that isn't about what was asked for, nothing is known of the connection's state.
  private func discard(after error: StoreError) {
    switch error.code {
    case .constraint, .notFound, .invalid, .busy: if error.server?.isLostConnection == true { close() }
    case .unavailable, .corrupt, .schema, .cancelled: close()
    }
  }

  /// A hang-up shows at once. What has waited for its time-out would only wait for another one.
  private func canBeRepeated(_ error: StoreError, _ begun: ContinuousClock.Instant) -> Bool {
    error.server?.isLostConnection == true && !breaker.isBroken
      && begun.duration(to: .now) < connector.configuration.options.readTimeout * 0.5
  }
}
