import Glibc
import Logging
import MEDCore
import MEDLoop

/// Reads templates when they are used, so that a changed file counts at once. One that can't be used is told once, and the
/// built-in text stands in for it.
final class TemplateFiles: Sendable {
  static let maximumBytes = 65_536
  /// Files that are remembered as told; when there are more all are forgotten.
  private static let maximumTold = 100

  /// What there is one for.
  enum Kind: String {
    case mail = "MessageSendingFailed.eml"
    case sms = "MessageSendingFailed.sms"

    var builtIn: AlertTemplate { self == .mail ? .mail : .sms }
  }

  /// A directory of another machine may hang.
  private static let patience = Duration.seconds(2)
  /// Threads that may hang there; then templates aren't read any more.
  private static let maximumReads = 32

  private let told = Locked<Set<String>>([])
  /// Reads under way, some of which may hang.
  private let reads = Locked(0)
  private let logger: Logger

  init(logger: Logger) { self.logger = logger }

  /// - Parameter directory: `TemplateRootPath`; empty: there are no templates.
  func template(_ kind: Kind, in directory: String) async -> AlertTemplate {
    guard !directory.isEmpty else { return kind.builtIn }
    let path = directory + "/" + kind.rawValue
    switch await read(path) {
    case .success(let template):
      told.withLock { _ = $0.remove(path) }
      return template
    case .failure(let error):
      let isNew = told.withLock { told in
        if told.count >= Self.maximumTold { told = [] }
        return told.insert(path).inserted
      }
      if isNew {
        logger.warning(
          "an alert template can't be used, the built-in text stands in for it",
          metadata: [LogKey.path: "\(path)", LogKey.error: "\(error)"])
      }
      return kind.builtIn
    }
  }

  private func read(_ path: String) async -> Result<AlertTemplate, SystemError> {
    let mayRead = reads.withLock { reads in
      guard reads < Self.maximumReads else { return false }
      reads += 1
      return true
    }
    guard mayRead else { return .failure(SystemError(message: "\(path): earlier reads hang")) }
    return await OffPool.run(atMost: Self.patience) { [reads] in
      defer { reads.withLock { $0 -= 1 } }
      return Self.read(path)
    } ?? .failure(SystemError(message: "\(path) can't be read in time"))
  }

  private static func read(_ path: String) -> Result<AlertTemplate, SystemError> {
    do throws(SystemError) {
      // A pipe would never be read to its end.
      var status = stat()
      guard stat(path, &status) == 0 else { throw SystemError("can't open \(path)") }
      guard status.st_mode & S_IFMT == S_IFREG else { throw SystemError(message: "\(path) is no file") }
      let bytes = try readFile(path, atMost: maximumBytes)
      guard let text = String(validating: bytes, as: UTF8.self), !bytes.isEmpty else {
        throw SystemError(message: bytes.isEmpty ? "\(path) is empty" : "\(path) is not valid UTF-8")
      }
      return .success(AlertTemplate(text: text))
    } catch {
      return .failure(error)
    }
  }
}

/// Runs what blocks on a thread of its own: Swift's pool has few.
enum OffPool {
  /// - Returns: nil if the system has no thread to give.
  static func run<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result? {
    await withCheckedContinuation { continuation in
      do throws(SystemError) {
        try Thread.detached(named: "alert") { continuation.resume(returning: body()) }
      } catch {
        continuation.resume(returning: nil)
      }
    }
  }

  /// - Returns: nil also if it takes longer; the thread goes on then.
  static func run<Result: Sendable>(
    atMost limit: Duration, _ body: @escaping @Sendable () -> Result
  ) async -> Result? {
    let (results, end) = AsyncStream<Result?>.makeStream(bufferingPolicy: .bufferingOldest(1))
    Task { end.yield(await run(body)) }
    let timer = Task {
      try? await Task.sleep(for: limit)
      end.yield(nil)
    }
    defer { timer.cancel() }
    for await result in results { return result }
    return nil
  }
}
