import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization

/// An HTTP server on one address, made of route groups.
///
/// All of them share one thread, so that what is asked here takes nothing from the loop that carries messages. Whatever its
/// clients do, a server ends soon after the stop: after ``AdminLimits/stopPatience`` all connections are closed.
public struct AdminServer: Service {
  /// Never shut down: what a server of Hummingbird still has to do on its thread after its end can't be waited for.
  private static let thread = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  /// The thread of all of them, for other servers that nobody waits for in a hurry. Asking for it starts it.
  public static var threads: any EventLoopGroup { thread }

  private let name: String
  private let host: String
  private let port: Int
  private let groups: [any RouteGroup]
  private let access: AccessRules?
  private let limits: AdminLimits
  private let logger: Logger

  /// - Parameters:
  ///   - name: of the config key that the address comes from, for errors and logs.
  ///   - host: a name or an address, without brackets.
  ///   - access: who may do what; nil: everybody everything.
  public init(
    _ name: String, host: String, port: Int, groups: [any RouteGroup], access: AccessRules? = nil,
    limits: AdminLimits = .init(), logger: Logger
  ) {
    self.name = name
    self.host = host
    self.port = port
    self.groups = groups
    self.access = access
    self.limits = limits
    self.logger = logger
  }

  /// Returns after a graceful shutdown. What goes wrong later than at the start is logged and ends nothing else.
  /// - Throws: ``AdminServerError`` if the address can't be listened on.
  public func run() async throws { try await run(onListening: { _ in }) }

  /// - Parameter onListening: told the port once it is listened on.
  func run(onListening: @escaping @Sendable (Int) -> Void) async throws {
    let connections = OpenConnections()
    let hasBegun = Atomic(false)
    let server = try makeServer(connections) { [name, logger] channel in
      hasBegun.store(true, ordering: .relaxed)
      let port = channel.localAddress?.port ?? 0
      logger.info("listening", metadata: ["key": "\(name)", "port": "\(port)"])
      onListening(port)
    }
    let failure = await withTaskGroup(of: Ending.self) { tasks in
      tasks.addTask {
        do { try await server.run() } catch { return .server(error) }
        return .server(nil)
      }
      tasks.addTask { [limits] in
        // Listening ends with the stop; who is connected may finish what is in hand. A cancellation waits for nobody.
        if (try? await gracefulShutdown()) != nil { try? await Task.sleep(for: limits.stopPatience) }
        connections.closeAll()
        return .connections
      }
      // Without connections the server ends by itself.
      while let ending = await tasks.next() {
        guard case .server(let failure) = ending else { continue }
        tasks.cancelAll()
        await tasks.waitForAll()
        return failure
      }
      return nil
    }
    guard let failure, !(failure is CancellationError) else { return }
    guard hasBegun.load(ordering: .relaxed) else { throw AdminServerError(name: name, host: host, port: port, failure) }
    logger.error("an HTTP server has ended", metadata: ["key": "\(name)", "error": "\(failure)"])
    try? await gracefulShutdown()
  }

  private enum Ending {
    case server((any Error)?)
    case connections
  }

  /// Hummingbird's server without its `Application`: that keeps a clock for the Date header by way of Foundation's
  /// calendars, which costs 4 MB of ICU's pages for as long as the process lives.
  private func makeServer(
    _ connections: OpenConnections, _ onRunning: @escaping @Sendable (any Channel) async -> Void
  ) throws -> any Service {
    let router = Router(context: AdminContext.self)
    let methods = KnownMethods()
    router.add(middleware: ErrorAnswers(methods, logger: logger))
    if let access { router.add(middleware: AccessGuard(access)) }
    for group in groups { group.addRoutes(to: router) }
    methods.learn(router)
    let limits = limits
    let http = HTTP1Channel.Configuration(
      additionalChannelHandlers: [ExchangeGuard(limits, connections)],
      httpDecoderConfiguration: .init(
        maxHeaderFieldSize: limits.headerBytes, maxHeaderListSize: limits.headerBytes, maxHeaderFieldCount: 100))
    // It would tell more than an operator wants to know.
    var quiet = logger
    quiet.logLevel = max(logger.logLevel, .warning)
    return try HTTPServerBuilder.http1(configuration: http).buildServer(
      configuration: ServerConfiguration(
        address: .hostname(host, port: port),
        availableConnectionsDelegate: MaximumAvailableConnections(limits.connections, logger: quiet)),
      eventLoopGroup: Self.thread, logger: quiet, responder: Exchange(router.buildResponder(), logger: quiet).answer,
      onServerRunning: onRunning)
  }
}

/// An address that can't be listened on.
public struct AdminServerError: Error, CustomStringConvertible {
  public let name: String
  public let address: String
  public let cause: any Error

  init(name: String, host: String, port: Int, _ cause: any Error) {
    self.name = name
    address = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    self.cause = cause
  }

  public var description: String { "\(name): can't listen on \(address): \(cause)" }
}
