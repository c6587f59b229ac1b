import MEDLoop

/// How many pieces of work are under way, and a way to wait until there are none. Confined to its loop.
final class WorkCount {
  private let loop: EventLoop
  private(set) var count = 0
  private var waiters: [UnsafeContinuation<Void, Never>] = []

  init(loop: EventLoop) { self.loop = loop }

  func begin() { count += 1 }

  func end() {
    count -= 1
    if count == 0 { wake() }
  }

  /// - Returns: whether everything had ended when the deadline came.
  func finish(within deadline: Duration) async -> Bool {
    var isOver = false
    let timer = loop.schedule(after: deadline) {
      isOver = true
      self.wake()
    }
    // The last piece of work may have begun another one by the time this goes on.
    while count > 0 && !isOver { await withUnsafeContinuation { waiters.append($0) } }
    timer.cancel()
    return count == 0
  }

  private func wake() {
    let waiters = self.waiters
    self.waiters = []
    for waiter in waiters { waiter.resume() }
  }
}
