import DequeModule
import MEDLoop

/// Lets the awake lanes of one queue server take jobs in turn, round robin, over its few connections for that.
final class TakeTurns {
  /// Past this many waiting lanes intake pauses.
  static let manyWaiting = 256

  private let capacity: Int
  private let server: any QueueServer
  private let actor: LoopActor
  private var queue: Deque<(lane: Lane, desk: Int)> = []
  private var active = 0
  private var isOpen = false
  private var isStopped = false

  init(capacity: Int, server: any QueueServer, actor: LoopActor) {
    self.capacity = max(1, capacity)
    self.server = server
    self.actor = actor
  }

  var waiting: Int { queue.count }

  /// `lane` wants jobs. It must not be waiting here already.
  func enqueue(_ lane: Lane, desk: Int) {
    queue.append((lane, desk))
    start()
  }

  /// From now on jobs may be taken.
  func open() {
    isOpen = true
    start()
  }

  func stop() {
    isStopped = true
    queue.removeAll()
  }

  private func take(_ request: Lane.Turn, for lane: Lane) async {
    let outcome = await server.take(request.count, from: lane.tube)
    active -= 1
    lane.endTurn(request, outcome)
    start()
  }

  private func start() {
    while active < capacity, isOpen, !isStopped, let (lane, desk) = queue.popFirst() {
      guard let request = lane.beginTurn(at: desk) else { continue }
      active += 1
      actor.spawn { await self.take(request, for: lane) }
    }
  }
}
