import Glibc
import MEDLoop

/// INT or TERM, taken note of; whoever waits is woken.
final class StopRequest: Sendable {
  private let isSet = Monitor(false)

  var isRequested: Bool { isSet.withLock { $0 } }

  func request() {
    isSet.withLock { $0 = true }
    isSet.signal()
  }

  /// - Returns: whether it was requested.
  func wait(atMost limit: Duration) -> Bool { isSet.wait(atMost: limit) { $0 ? true : nil } ?? false }

  /// Starts to listen for INT, TERM, QUIT and HUP; the second one ends the process at once. Call ``SignalThread/block()``
  /// before.
  static func onSignals() throws(SystemError) -> StopRequest {
    let request = StopRequest()
    try SignalThread.start { event in
      switch event {
      case .stop, .reload:
        if request.isRequested { _exit(ExitStatus.interrupted.rawValue) }
        request.request()
      case .toggleDebug: return
      }
    }
    return request
  }
}
