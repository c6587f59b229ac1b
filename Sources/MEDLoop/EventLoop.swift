import CEpoll
import Glibc
import Synchronization

/// One thread with epoll, timers and a job queue: sockets and the Swift tasks between them run on it side by side.
///
/// A loop is a serial executor: give it to an actor (``LoopActor``) and everything isolated to that actor runs on the
/// loop's thread, without locks or hops between it and the sockets. ``taskExecutor`` runs non-isolated code there too.
///
/// A turn: handlers of the file descriptors that are ready → timers that are due → the jobs that were there when the turn
/// reached them (what they enqueue runs in the next turn, after the descriptors were looked at again) → end-of-turn
/// handlers (they flush what the turn has gathered) → epoll. So neither sockets nor timers nor jobs can starve the others.
///
/// Jobs run in the order in which they came from their thread, whatever the priority of their task. Their queue has no
/// bound, because an executor can't refuse a job: who starts tasks must bound them.
///
/// Nothing that runs on a loop may block. SIGPIPE is blocked there: a write to a closed connection fails with EPIPE.
///
/// What is said to be "only on the loop" traps elsewhere.
public final class EventLoop: SerialExecutor, @unchecked Sendable {  // why: used on its thread alone
  /// The time at which the present turn began. Only on the loop.
  public internal(set) var now = ContinuousClock.now

  let name: String
  let inbox = Locked(Inbox())
  let wakeUp: WakeUp
  /// The thread that runs the loop, 0 if none does: the system gives the number of an ended thread to the next.
  let threadID = Atomic<pthread_t>(0)

  var poller: Poller
  var timers = TimerQueue()
  /// Jobs from the loop's own thread.
  var local: [LoopJob] = []
  var turnEndHandlers: [any TurnEndHandler] = []
  /// How many turns there were.
  var turns: UInt64 = 0

  // What the present turn works through; kept for its storage.
  var dueTimers: [LoopTimer] = []
  var running: [LoopJob] = []
  var endingHandlers: [any TurnEndHandler] = []

  /// Starts a loop on a thread of its own. It runs, and stays in memory, until ``stop()``.
  /// - Parameter name: of the thread, for ps and debuggers; the system takes the first 15 bytes.
  /// - Throws: ``LoopError`` if the system has no descriptors or threads left.
  public static func start(name: String = "loop") throws(LoopError) -> EventLoop {
    let loop = try EventLoop(name: name)
    try loop.startThread()
    return loop
  }

  private init(name: String) throws(LoopError) {
    self.name = name
    wakeUp = try WakeUp()
    poller = try Poller()
    try poller.add(wakeUp.descriptor, events: [.readable, .edge], handler: wakeUp)
  }

  /// Ends the loop's thread once nothing is left to run. From any thread, as often as you like.
  ///
  /// When there are no more jobs, descriptors and timers are let go: their handlers and actions aren't called any more, and
  /// tasks that sleep are woken with an error. What follows from that still runs. Descriptors aren't closed.
  ///
  /// Jobs that come after the thread's end are not lost (a task may have waited for another executor): they get a thread
  /// that lives until they are done.
  public func stop() {
    let call = inbox.withLock { inbox in
      inbox.isStopping = true
      return inbox.hasEnded ? .none : inbox.call()
    }
    answer(call)
  }

  /// Whether the caller runs on this loop's thread.
  public var isOnLoop: Bool { threadID.load(ordering: .relaxed) == pthread_self() }

  // MARK: Executor

  /// Runs a job of the loop's actors. From any thread.
  public func enqueue(_ job: consuming ExecutorJob) {
    add(.serial(UnownedJob(job)))
  }

  /// Traps unless the caller runs on this loop's thread.
  public func checkIsolated() {
    precondition(isOnLoop, "not on the thread of the loop")
  }

  /// Whether the caller runs on this loop's thread.
  public func isIsolatingCurrentContext() -> Bool? { isOnLoop }

  /// Runs `body` on the loop, after what the same thread gave to it before. From any thread.
  public func submit(_ body: @escaping @Sendable () -> Void) {
    add(.closure(body))
  }

  func add(_ job: LoopJob) {
    if isOnLoop {
      local.append(job)
      return
    }
    let call = inbox.withLock { inbox in
      inbox.jobs.append(job)
      return inbox.call()
    }
    answer(call)
  }

  private func answer(_ call: Inbox.Call) {
    switch call {
    case .none: break
    case .wakeUp: wakeUp.signal()
    case .newThread:
      do throws(LoopError) {
        try startThread()
      } catch {
        inbox.withLock { $0.hasEnded = true }  // the next job tries again
      }
    }
  }

  private func startThread() throws(LoopError) {
    let retained = Unmanaged.passRetained(self)
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        Unmanaged<EventLoop>.fromOpaque(argument).takeRetainedValue().run()
        return nil
      }, retained.toOpaque())
    guard code == 0 else {
      retained.release()
      throw LoopError(call: "pthread_create", code: code)
    }
    pthread_detach(thread)
  }
}
