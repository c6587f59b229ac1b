import Glibc

/// The signals of the program, taken by a thread of its own: a second TERM ends the process even if all else is stuck.
public enum SignalThread {
  public enum Event: Sendable {
    /// TERM, INT, QUIT.
    case stop
    /// HUP.
    case reload
    /// USR1.
    case toggleDebug
  }

  /// Blocks the signals for this thread and all that it starts. Call it first thing in `main`.
  public static func block() {
    var set = signals
    pthread_sigmask(SIG_BLOCK, &set, nil)
    // A peer that hangs up is an error of the write, never the end of the process.
    signal(SIGPIPE, SIG_IGN)
    // Where it is ignored, as a parent may have left it, nobody learns how a child has ended.
    signal(SIGCHLD, SIG_DFL)
  }

  /// Starts the thread; `handle` is called on it.
  /// - Throws: if the system has no thread to give.
  package static func start(_ handle: @escaping @Sendable (Event) -> Void) throws(SystemError) {
    try Thread.detached(named: "signals") {
      var set = signals
      while true {
        var number: Int32 = 0
        guard sigwait(&set, &number) == 0 else { continue }
        switch number {
        case SIGHUP: handle(.reload)
        case SIGUSR1: handle(.toggleDebug)
        default: handle(.stop)
        }
      }
    }
  }

  private static var signals: sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for number in [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1] { sigaddset(&set, number) }
    return set
  }
}
