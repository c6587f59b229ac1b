import Logging
import MEDLoop

/// Records of entries that can't become jobs (RECOVFAIL…). The DATA log is waited for here, beside the batches: a disk that
/// is full or hangs keeps nothing else from its way.
final class RecoverRecorder {
  /// An entry whose record isn't on disk yet: still on the list of this process.
  struct Item {
    let entry: RecoverEntry
    let record: DataRecord
  }

  private let context: EngineContext
  private let configuration: RecoveryConfiguration
  /// Told when some can be removed.
  private let wake: () -> Void

  private var waiting: [Item] = []
  private var bytes = 0
  /// Taken out of ``waiting`` and on their way to the disk.
  private var underWay = 0
  private var recorded: [RecoverEntry] = []
  private(set) var isRunning = false
  private var isStopped = false

  init(_ context: EngineContext, _ configuration: RecoveryConfiguration, wake: @escaping () -> Void) {
    self.context = context
    self.configuration = configuration
    self.wake = wake
  }

  var count: Int { waiting.count + underWay }
  var hasRoom: Bool { count < configuration.maximumWaiting && bytes < configuration.maximumWaitingBytes }

  func add(_ items: [Item]) {
    guard !items.isEmpty else { return }
    waiting += items
    bytes += items.reduce(0) { $0 + $1.entry.bytes.count }
    guard !isRunning else { return }
    isRunning = true
    context.actor.spawn {
      await self.run()
      self.isRunning = false
      self.wake()
    }
  }

  /// The entries whose record is on disk now: they may be removed, and are forgotten here.
  func takeRecorded() -> [RecoverEntry] {
    defer { recorded = [] }
    return recorded
  }

  /// Each is tried once more at most.
  func stop() { isStopped = true }

  private func run() async {
    var pause = configuration.pauses.lowerBound
    while !waiting.isEmpty {
      let items = Array(waiting.prefix(configuration.largestBatch))
      waiting.removeFirst(items.count)
      underWay = items.count
      let isDone = await commit(items)
      underWay = 0
      if isDone {
        pause = configuration.pauses.lowerBound
        continue
      }
      guard !isStopped else { return }
      try? await context.actor.loop.sleep(for: pause)
      pause = min(pause * 2, configuration.pauses.upperBound)
    }
  }

  /// All together: the log syncs once for many.
  /// - Returns: whether all are on disk; the others wait again.
  private func commit(_ items: [Item]) async -> Bool {
    let context = context
    let outcome = Outcome(count: items.count)
    let tasks = items.enumerated().map { index, item in
      context.actor.spawn { outcome.isOnDisk[index] = await context.commit(item.record) }
    }
    for task in tasks { await task.value }
    for (item, isOnDisk) in zip(items, outcome.isOnDisk) {
      if isOnDisk {
        recorded.append(item.entry)
        bytes -= item.entry.bytes.count
        tell(item)
      } else {
        waiting.append(item)
      }
    }
    wake()
    return !outcome.isOnDisk.contains(false)
  }

  private func tell(_ item: Item) {
    context.counters.recoverFailures += 1
    context.logger.error(
      "an entry of a recover list was recorded",
      metadata: [LogKey.record: "\(item.record.kind.rawValue)", LogKey.reason: "\(item.record.reason ?? "")"])
  }

  /// Shared by the tasks of one commit, on the loop.
  private final class Outcome {
    var isOnDisk: [Bool]

    init(count: Int) { isOnDisk = Array(repeating: false, count: count) }
  }
}
