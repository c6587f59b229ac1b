import Logging
import MEDCore
import MEDCurl
import MEDLoop

/// Tells whoever ordered a cleaning how far it is: a GET of their URL with `state` added to its query.
struct CleaningCallback: Sendable {
  enum State: String {
    /// It goes on.
    case process
    /// It is over.
    case done
  }

  private static let timeout = Duration.seconds(5)
  private static let pause = Duration.seconds(1)

  private let url: String
  private let caller: HTTPCaller
  private let logger: Logger

  init(_ url: String, _ configuration: HTTPClientConfiguration, _ logger: Logger, _ loop: EventLoop) {
    self.url = url
    self.logger = logger
    caller = HTTPCaller(configuration, on: loop)
  }

  func tell(_ state: State, tries: Int) async {
    for number in 1...max(1, tries) {
      if number > 1, (try? await Task.sleep(for: Self.pause)) == nil { return }
      guard let problem = await call(state) else { return }
      logger.warning(
        "the callback of a cleaning can't be told",
        metadata: [
          "state": "\(state.rawValue)", LogKey.reason: "\(HTTPURL.masking(problem, credentialsOf: url))",
          "try": "\(number) of \(tries)",
        ])
    }
  }

  func close() async { await caller.close() }

  /// - Returns: what went wrong.
  private func call(_ state: State) async -> String? {
    let request = HTTPRequest(.get, url: Self.adding("state=\(state.rawValue)", to: url), timeout: Self.timeout)
    switch await caller.send(request) {
    case .failed(let failure): return failure.message
    case .answered(let response): return (200..<300).contains(response.status) ? nil : "it answered \(response.status)"
    }
  }

  /// Behind what the query has, in front of a fragment.
  static func adding(_ parameter: String, to url: String) -> String {
    let end = url.firstIndex(of: "#") ?? url.endIndex
    let address = url[..<end]
    let separator = !address.contains("?") ? "?" : address.hasSuffix("?") || address.hasSuffix("&") ? "" : "&"
    return "\(address)\(separator)\(parameter)\(url[end...])"
  }
}
