import Hummingbird
import HummingbirdCore
import Logging
import MEDCore
import MEDLoop
import NIOHTTP1

/// Turns whatever a route throws into an answer that tells nothing of the inside.
struct ErrorAnswers: RouterMiddleware {
  typealias Context = AdminContext

  private let methods: KnownMethods
  private let logger: Logger

  init(_ methods: KnownMethods, logger: Logger) {
    self.methods = methods
    self.logger = logger
  }

  @concurrent
  func handle(
    _ request: Request, context: AdminContext, next: @concurrent (Request, AdminContext) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch let error as HTTPParserError {
      throw error
    } catch {
      return answer(error, to: request).response
    }
  }

  private func answer(_ error: any Error, to request: Request) -> AdminError {
    switch error {
    case let error as AdminError: return error
    case let error as ControlError: return AdminError(error)
    case let error as HTTPError where error.status == .notFound:
      let allowed = methods.of(request.uri.path)
      guard !allowed.isEmpty else { return AdminError(.notFound, "there is nothing at this path") }
      let list = allowed.joined(separator: ", ")
      return AdminError(.methodNotAllowed, "this path knows \(list)", headers: [.allow: list])
    case let error as HTTPError where error.status == .contentTooLarge:
      return AdminError(.tooLarge, "the body is too long")
    case let error as HTTPError where error.status.kind == .clientError:
      return AdminError(.badRequest, "the request can't be read")
    default:
      logger.error("a request could not be answered", metadata: [LogKey.error: "\(error)"])
      return AdminError(.internal, "the request could not be answered; the error log has more")
    }
  }
}

/// Which methods a router's paths know: to tell a wrong method from a wrong path.
final class KnownMethods: Sendable {
  private let routes = Locked<[(path: [String], method: String)]>([])

  /// To be called once all routes are there.
  func learn(_ router: Router<AdminContext>) {
    let known = router.routes.map { (path: Self.parts("\($0.path)"), method: $0.method.rawValue) }
    routes.withLock { $0 = known }
  }

  /// In alphabetical order; none: no route has such a path.
  func of(_ path: String) -> [String] {
    let parts = Self.parts(path)
    let methods = routes.withLock { routes in
      routes.filter { $0.path.count == parts.count && zip($0.path, parts).allSatisfy { Self.matches($0, $1) } }
        .map(\.method)
    }
    return Set(methods).sorted()
  }

  private static func parts(_ path: String) -> [String] { path.split(separator: "/").map(String.init) }

  private static func matches(_ pattern: String, _ part: String) -> Bool {
    pattern == part || pattern.hasPrefix("{") || pattern.hasPrefix(":")
  }
}
