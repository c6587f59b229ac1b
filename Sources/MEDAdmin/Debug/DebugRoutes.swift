import Hummingbird
import MEDCore
import NIOCore

/// `GET /` and `GET /debug`: the running state as JSON, readable with `?pretty` (SPEC §17, DebugAddr).
public struct DebugRoutes: RouteGroup {
  private let source: StateSource

  /// - Parameter state: nil while nothing runs, which is answered with 503.
  public init(_ state: @escaping @Sendable () async -> DispatcherState?) { source = StateSource(state) }

  public func addRoutes(to router: Router<AdminContext>) {
    for path in ["", "debug"] as [RouterPath] {
      router.get(path) { [source] request, _ in
        guard let json = await source.json(isPretty: Self.wantsPretty(request.uri.query)) else {
          throw AdminError(.unavailable, "the dispatcher isn't running")
        }
        return Response(
          status: .ok, headers: [.contentType: "application/json; charset=utf-8"],
          body: ResponseBody(byteBuffer: ByteBuffer(bytes: json)))
      }
    }
  }

  /// `pretty`, whatever it is set to.
  static func wantsPretty(_ query: String?) -> Bool {
    query?.split(separator: "&").contains { $0 == "pretty" || $0.hasPrefix("pretty=") } ?? false
  }
}
