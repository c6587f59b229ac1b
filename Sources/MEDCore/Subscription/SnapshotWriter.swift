import Glibc
import Logging

/// Writes the snapshot and the parameter files on a thread of its own, which lives as long as there is something to
/// write.
///
/// Holds at most one state to be written: a newer one takes its place.
final class SnapshotWriter: @unchecked Sendable {  // why: all mutable state is behind `lock`
  static let fileName = "subscriptions.snapshot"

  private let path: String
  private let writeFile: @Sendable (_ bytes: [UInt8], _ path: String) -> String?
  private let logger: Logger
  private let lock: UnsafeMutablePointer<pthread_mutex_t>
  private var pending: SubscriptionTable?
  private var isWriting = false
  private var waiting: [CheckedContinuation<Void, Never>] = []
  private var failure: String?
  /// Used by the thread alone, of which there is one at a time.
  private var parameterFiles: ParameterFiles

  /// - Parameter writeFile: returns what failed, or nil.
  init(
    directory: String, logger: Logger,
    writeFile: @escaping @Sendable (_ bytes: [UInt8], _ path: String) -> String? = { SnapshotFile.write($0, to: $1) }
  ) {
    self.writeFile = writeFile
    path = directory + "/" + Self.fileName
    parameterFiles = ParameterFiles(directory: directory)
    self.logger = logger
    lock = .allocate(capacity: 1)
    lock.initialize(to: pthread_mutex_t())
    pthread_mutex_init(lock, nil)
  }

  deinit {
    pthread_mutex_destroy(lock)
    lock.deallocate()
  }

  /// Why the last write failed; nil if it did not.
  var lastError: String? { locked { failure } }

  func submit(_ table: SubscriptionTable) {
    let begins = locked {
      pending = table
      defer { isWriting = true }
      return !isWriting
    }
    if begins, !Self.onThread({ self.write() }) { finish("no thread could be started") }
  }

  /// Returns once nothing is left to be written.
  func flush() async {
    await withCheckedContinuation { continuation in
      let isIdle = locked {
        if isWriting { waiting.append(continuation) }
        return !isWriting
      }
      if isIdle { continuation.resume() }
    }
  }

  /// What the file holds.
  func read() async -> Result<[Subscription], StoreError> {
    let path = path
    return await withCheckedContinuation { continuation in
      let begun = Self.onThread {
        let result = SnapshotFile.read(path).flatMap { bytes in
          SnapshotFormat.decode(bytes).mapError { StoreError(.corrupt, "\(path): \($0)") }
        }
        continuation.resume(returning: result)
      }
      if !begun { continuation.resume(returning: .failure(StoreError(.unavailable, "no thread could be started"))) }
    }
  }

  private func write() {
    while true {
      let table = locked { () -> SubscriptionTable? in
        defer { pending = nil }
        return pending
      }
      guard let table else { break }
      let bytes = SnapshotFormat.encode(table.byID.values.map(\.subscription))
      let failed = writeFile(bytes, path)
      let problem = failed ?? parameterFiles.update(table)
      locked { failure = problem }
      if let problem {
        logger.warning("snapshot of the subscriptions can't be written", metadata: ["error": "\(problem)"])
      }
      if locked({ pending == nil }) { break }
    }
    finish(nil)
  }

  private func finish(_ problem: String?) {
    let (again, resumed) = locked { () -> (Bool, [CheckedContinuation<Void, Never>]) in
      if let problem {
        failure = problem
        pending = nil
      }
      // Submitted between the last look and now: the thread goes on.
      if pending != nil { return (true, []) }
      isWriting = false
      defer { waiting = [] }
      return (false, waiting)
    }
    if again { return write() }
    for continuation in resumed { continuation.resume() }
  }

  private func locked<T>(_ body: () -> T) -> T {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return body()
  }

  private final class Work: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// - Returns: false if the system has no thread to give.
  private static func onThread(_ body: @escaping @Sendable () -> Void) -> Bool {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    let work = Unmanaged.passRetained(Work(body))
    var thread = pthread_t()
    let result = pthread_create(
      &thread, &attributes,
      { argument in
        if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
        return nil
      }, work.toOpaque())
    if result != 0 { work.release() }
    return result == 0
  }
}
