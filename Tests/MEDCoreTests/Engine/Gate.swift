/// Lets nobody through until it is opened. Confined to one loop, but for its making.
final class Gate: @unchecked Sendable {  // why: made by the test, used on one loop alone
  private var isOpen = false
  private var waiting: [UnsafeContinuation<Void, Never>] = []

  func pass() async {
    if !isOpen { await withUnsafeContinuation { waiting.append($0) } }
  }

  func open() {
    isOpen = true
    for continuation in waiting { continuation.resume() }
    waiting = []
  }
}
