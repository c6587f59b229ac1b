import CEpoll
import Glibc

/// One thread with epoll, timers and a job queue: sockets and the Swift tasks between them run on it side by side.
///
/// A loop is a serial executor: give it to an actor (``LoopActor``) and everything isolated to that actor runs on the
/// loop's thread, without locks or hops between it and the sockets. ``taskExecutor`` runs non-isolated code there too.
///
/// A turn: handlers of the file descriptors that are ready → timers that are due → the jobs that were there when the turn
/// reached them (what they enqueue runs in the next turn, after the descriptors were looked at again) → end-of-turn
/// handlers (they flush what the turn has gathered) → epoll.
///
/// Nothing that runs on a loop may block.
public final class EventLoop: SerialExecutor, @unchecked Sendable {  // why: all state but `inbox` is touched on the loop's thread alone
  /// Where other threads leave work.
  struct Inbox {
    var jobs: [LoopJob] = []
    /// The loop is in epoll_wait, or about to be: whoever adds something must wake it.
    var isSleeping = false
    var isStopping = false
  }

  /// The time at which the present turn began.
  public private(set) var now = ContinuousClock.now

  var poller: Poller
  var timers = TimerQueue()
  private let inbox = Locked(Inbox())
  private var local: [LoopJob] = []
  private var running: [LoopJob] = []
  private var turnEndHandlers: [any TurnEndHandler] = []
  private var endingHandlers: [any TurnEndHandler] = []
  private let wakeUp: WakeUp
  private let name: String
  private var thread = pthread_t()

  /// Starts a loop on a thread of its own.
  /// - Throws: ``LoopError`` if the system has no descriptors or threads left.
  public static func start(name: String = "loop") throws(LoopError) -> EventLoop {
    let loop = try EventLoop(name: name)
    try loop.startThread()
    return loop
  }

  private init(name: String) throws(LoopError) {
    self.name = name
    poller = try Poller()
    wakeUp = try WakeUp()
    try poller.add(wakeUp.descriptor, events: .readable, handler: wakeUp)
  }

  deinit {
    poller.close()
    wakeUp.close()
  }

  /// Ends the loop's thread once nothing is left to run. Registered descriptors are not closed.
  public func stop() {
    let wake = inbox.withLock { inbox in
      inbox.isStopping = true
      defer { inbox.isSleeping = false }
      return inbox.isSleeping
    }
    if wake { wakeUp.signal() }
  }

  /// Whether the caller runs on this loop's thread.
  public var isOnLoop: Bool { pthread_equal(pthread_self(), thread) != 0 }

  // MARK: Executor

  public func enqueue(_ job: consuming ExecutorJob) {
    add(.serial(UnownedJob(job)))
  }

  public func checkIsolated() {
    precondition(isOnLoop, "not on the loop's thread")
  }

  public func isIsolatingCurrentContext() -> Bool? { isOnLoop }

  /// Runs `body` on the loop, in order with the jobs that were enqueued before it.
  public func submit(_ body: @escaping @Sendable () -> Void) {
    add(.closure(body))
  }

  func add(_ job: LoopJob) {
    if isOnLoop {
      local.append(job)
      return
    }
    let wake = inbox.withLock { inbox in
      inbox.jobs.append(job)
      defer { inbox.isSleeping = false }
      return inbox.isSleeping
    }
    if wake { wakeUp.signal() }
  }

  // MARK: The loop

  /// Calls `handler` once, at the end of the present turn. Only on the loop.
  public func atEndOfTurn(_ handler: any TurnEndHandler) {
    turnEndHandlers.append(handler)
  }

  /// Watches `descriptor`; until ``remove(_:)`` its events go to `handler`. Only on the loop.
  public func add(_ descriptor: Int32, events: IOEvents, handler: any IOHandler) throws(LoopError) {
    try poller.add(descriptor, events: events, handler: handler)
  }

  public func setInterest(_ events: IOEvents, of descriptor: Int32) throws(LoopError) {
    try poller.setInterest(events, of: descriptor)
  }

  /// Must come before `descriptor` is closed.
  public func remove(_ descriptor: Int32) {
    poller.remove(descriptor)
  }

  /// Calls `action` on the loop after `delay`, rounded up to whole milliseconds. Only on the loop.
  @discardableResult
  public func schedule(after delay: Duration, _ action: @escaping () -> Void) -> LoopTimer {
    timers.add(at: ContinuousClock.now + delay, action)
  }

  @discardableResult
  public func schedule(at deadline: ContinuousClock.Instant, _ action: @escaping () -> Void) -> LoopTimer {
    timers.add(at: deadline, action)
  }

  private func startThread() throws(LoopError) {
    let retained = Unmanaged.passRetained(self)
    // The new thread takes this lock first, so that it and all who get the loop from start() see `thread` set.
    let code = inbox.withLock { _ in
      pthread_create(
        &thread, nil,
        { argument in
          guard let argument else { return nil }
          let loop = Unmanaged<EventLoop>.fromOpaque(argument).takeRetainedValue()
          loop.inbox.withLock { _ in }
          loop.run()
          return nil
        }, retained.toOpaque())
    }
    guard code == 0 else {
      retained.release()
      throw LoopError(call: "pthread_create", code: code)
    }
    pthread_detach(thread)
  }

  private func run() {
    med_name_thread(name)
    while true {
      runJobs()
      endTurn()
      let (timeout, isStopping) = prepareToSleep()
      if isStopping && local.isEmpty { return }
      poller.wait(timeout: timeout)
      now = ContinuousClock.now
      while let (handler, events, descriptor) = poller.nextReady() { handler.handle(events, on: descriptor) }
      while let timer = timers.popDue(at: now) { timer.fire() }
    }
  }

  private func runJobs() {
    inbox.withLock { inbox in
      inbox.isSleeping = false
      local.append(contentsOf: inbox.jobs)
      inbox.jobs.removeAll(keepingCapacity: true)
    }
    swap(&local, &running)
    let serial = asUnownedSerialExecutor()
    for job in running {
      switch job {
      case .serial(let job): job.runSynchronously(on: serial)
      case .task(let job, let executor): job.runSynchronously(on: executor.asUnownedTaskExecutor())
      case .closure(let body): body()
      }
    }
    running.removeAll(keepingCapacity: true)
  }

  private func endTurn() {
    swap(&turnEndHandlers, &endingHandlers)
    for handler in endingHandlers { handler.turnEnded() }
    endingHandlers.removeAll(keepingCapacity: true)
  }

  /// How long epoll may wait: not at all while there is work, else until the next timer.
  private func prepareToSleep() -> (timeout: Duration?, isStopping: Bool) {
    let hasLocalWork = !local.isEmpty || !turnEndHandlers.isEmpty
    return inbox.withLock { inbox in
      if hasLocalWork || !inbox.jobs.isEmpty { return (.zero, false) }
      if inbox.isStopping { return (.zero, true) }
      inbox.isSleeping = true
      return (timers.nextDeadline.map { max(.zero, $0 - ContinuousClock.now) }, false)
    }
  }
}

/// Something that gathers work during a turn and does it at the end of it.
public protocol TurnEndHandler: AnyObject {
  func turnEnded()
}

/// A job of the loop. The kinds must be run in different ways: the wrong one enqueues the job again.
enum LoopJob {
  case serial(UnownedJob)
  case task(UnownedJob, LoopTaskExecutor)
  case closure(@Sendable () -> Void)
}

/// A system call of the loop failed.
public struct LoopError: Error, CustomStringConvertible {
  public let call: String
  public let code: Int32

  public var description: String { "\(call): \(String(cString: strerror(code)))" }
}
