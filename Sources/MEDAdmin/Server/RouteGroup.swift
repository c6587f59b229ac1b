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
