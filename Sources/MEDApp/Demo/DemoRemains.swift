import Glibc
import MEDLoop

/// What a demonstration would leave behind if it ended on the spot, as it does at a second Ctrl-C.
final class DemoRemains: Sendable {
  private struct State {
    var children: [pid_t] = []
    var place: DemoPlace?
  }

  private let state = Locked(State())

  func add(_ child: ChildProcess) { state.withLock { $0.children.append(child.processID) } }

  func add(_ place: DemoPlace) { state.withLock { $0.place = place } }

  /// Ends the processes at once and removes the files. Nothing may be done after it but to exit.
  func clear() {
    let (children, place) = state.withLock { ($0.children, $0.place) }
    // The number of a child that has ended and been waited for may be another's by now: waitpid knows only ours.
    for child in children where waitpid(child, nil, WNOHANG) == 0 {
      kill(child, SIGKILL)
      waitpid(child, nil, 0)
    }
    place?.remove()
  }
}
