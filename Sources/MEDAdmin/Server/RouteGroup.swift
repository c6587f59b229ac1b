import Hummingbird
import HummingbirdCore

/// Routes that belong together: one file, or one folder, each.
public protocol RouteGroup: Sendable {
  func addRoutes(to router: Router<AdminContext>)
}

/// What a route knows of its request.
public struct AdminContext: RequestContext {
  public var coreContext: CoreRequestContextStorage

  public init(source: ApplicationRequestContextSource) { coreContext = .init(source: source) }
}

/// Refuses everything but GET: nothing can be changed here.
struct OnlyGet: RouterMiddleware {
  typealias Context = AdminContext

  @concurrent
  func handle(
    _ request: Request, context: AdminContext, next: @concurrent (Request, AdminContext) async throws -> Response
  ) async throws -> Response {
    guard request.method == .get else { throw HTTPError(.methodNotAllowed, headers: [.allow: "GET"]) }
    return try await next(request, context)
  }
}
