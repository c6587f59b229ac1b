import CEpoll
import Glibc

/// The loop's thread.
extension EventLoop {
  private enum NextStep {
    /// Look at the descriptors; nil: wait for them for ever.
    case poll(atMost: Duration?)
    case end
  }

  /// Above this a job queue gives its storage back after a burst (16 bytes a job).
  private static let keptCapacity = 65_536

  func run() {
    threadID.store(pthread_self(), ordering: .relaxed)
    med_name_thread(name)
    med_block_sigpipe()
    while true {
      runJobs()
      endTurn()
      turns &+= 1
      switch nextStep() {
      case .end:
        if end() { return }
      case .poll(let timeout):
        poll(atMost: timeout)
        handleReady()
        fireTimers()
      }
    }
  }

  /// The loop doesn't wait while there is work, else until the next timer.
  private func nextStep() -> NextStep {
    let hasWork = !local.isEmpty || !turnEndHandlers.isEmpty
    let timeout = hasWork ? .zero : timeToNextTimer()
    return inbox.withLock { inbox in
      if hasWork || !inbox.jobs.isEmpty { return .poll(atMost: .zero) }
      if inbox.isStopping { return .end }
      inbox.isSleeping = timeout != .zero
      return .poll(atMost: timeout)
    }
  }

  private func timeToNextTimer() -> Duration? {
    guard let deadline = timers.nextDeadline else { return nil }
    let now = ContinuousClock.now
    return deadline <= now ? .zero : deadline - now
  }

  private func poll(atMost timeout: Duration?) {
    poller.wait(atMost: timeout)
    now = ContinuousClock.now
    // At once, lest everybody who adds a job during the handlers makes a system call to wake a loop that is awake.
    if timeout != .zero { inbox.withLock { $0.isSleeping = false } }
  }

  private func handleReady() {
    while let (handler, events, descriptor) = poller.nextReady() { handler.handle(events, on: descriptor) }
  }

  /// Timers that these set fire in the next turn at the earliest, even if they are due.
  private func fireTimers() {
    timers.takeDue(at: now, into: &dueTimers)
    for timer in dueTimers { timer.fire() }
    dueTimers.removeAll(keepingCapacity: true)
  }

  private func runJobs() {
    swap(&local, &running)
    inbox.withLock { inbox in
      if running.isEmpty {
        swap(&inbox.jobs, &running)
      } else {
        running.append(contentsOf: inbox.jobs)
        inbox.jobs.removeAll(keepingCapacity: inbox.jobs.capacity <= Self.keptCapacity)
      }
    }
    let executor = asUnownedSerialExecutor()
    for job in running { job.run(on: executor) }
    running.removeAll(keepingCapacity: running.capacity <= Self.keptCapacity)
  }

  private func endTurn() {
    swap(&turnEndHandlers, &endingHandlers)
    for handler in endingHandlers { handler.turnEnded() }
    endingHandlers.removeAll(keepingCapacity: true)
  }

  /// Lets go of all that is registered, for it may hold the loop, and ends if nothing came of that.
  private func end() -> Bool {
    let timers = timers.removeAll()
    let handlers = poller.removeAll()
    for timer in timers { timer.drop() }
    guard timers.isEmpty, handlers.isEmpty else { return false }
    return inbox.withLock { inbox in
      guard inbox.jobs.isEmpty else { return false }
      inbox.hasEnded = true
      threadID.store(0, ordering: .relaxed)
      return true
    }
  }
}
