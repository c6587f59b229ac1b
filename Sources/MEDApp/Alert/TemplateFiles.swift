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

  private let told = Locked<Set<String>>([])
  private let logger: Logger

  init(logger: Logger) { self.logger = logger }

  /// - Parameter directory: `TemplateRootPath`; empty: there are no templates.
  func template(_ kind: Kind, in directory: String) async -> AlertTemplate {
    guard !directory.isEmpty else { return kind.builtIn }
    let path = directory + "/" + kind.rawValue
    switch await Self.read(path) {
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

  private static func read(_ path: String) async -> Result<AlertTemplate, SystemError> {
    await OffPool.run { () -> Result<AlertTemplate, SystemError> in
      do throws(SystemError) {
        let bytes = try readFile(path, atMost: maximumBytes)
        guard let text = String(validating: bytes, as: UTF8.self), !bytes.isEmpty else {
          throw SystemError(message: bytes.isEmpty ? "\(path) is empty" : "\(path) is not valid UTF-8")
        }
        return .success(AlertTemplate(text: text))
      } catch {
        return .failure(error)
      }
    } ?? .failure(SystemError(message: "no thread could be started"))
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
}
