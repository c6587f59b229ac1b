import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

/// Listens on one address for as long as its service runs, and gives a handler to each peer that its register admits.
struct GuardedListener: Sendable {
  /// Of the config key that the address comes from.
  let name: String
  let host: String
  let port: Int
  /// Where the connections live; never shut down here.
  let threads: any EventLoopGroup
  let register: ConnectionRegister
  /// How long clients may take to an end when the process stops.
  let stopPatience: Duration
  let logger: Logger

  /// Returns after a graceful shutdown, which no client can delay beyond the patience, and after a cancellation.
  /// - Parameters:
  ///   - onListening: told the port once it is listened on.
  ///   - handler: of one connection; called on its thread.
  /// - Throws: ``RPCServerError`` if the address can't be listened on.
  func run(
    onListening: @Sendable (Int) -> Void, handler: @escaping @Sendable () -> any ChannelHandler
  ) async throws {
    let listener: any Channel
    do {
      listener = try await bind(handler)
    } catch {
      throw RPCServerError(name: name, host: host, port: port, cause: error)
    }
    let port = listener.localAddress?.port ?? self.port
    logger.info("listening", metadata: ["key": "\(name)", "port": "\(port)"])
    onListening(port)
    let isStopping = (try? await gracefulShutdown()) != nil
    listener.close(promise: nil)
    register.stop()
    if isStopping { await waitForClients() }
    register.closeAll()
  }

  private func waitForClients() async {
    let deadline = ContinuousClock.now + stopPatience
    while register.connections > 0, ContinuousClock.now < deadline {
      guard (try? await Task.sleep(for: .milliseconds(5))) != nil else { return }
    }
  }

  private func bind(_ handler: @escaping @Sendable () -> any ChannelHandler) async throws -> any Channel {
    let register = register
    return try await ServerBootstrap(group: threads)
      .serverChannelOption(.backlog, value: 1_024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.socketOption(.so_keepalive), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      // A client may close its half once it has asked, and still wants its answer.
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        guard register.admits(channel.remoteAddress?.ipAddress) else {
          return channel.eventLoop.makeFailedFuture(RefusedPeer())
        }
        return channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(handler())
        }
      }
      .bind(host: host, port: port).get()
  }

  private struct RefusedPeer: Error {}
}

/// An address that can't be listened on.
public struct RPCServerError: Error, CustomStringConvertible {
  /// The config key that it comes from.
  public let name: String
  /// `host:port`, an IPv6 address in brackets.
  public let address: String
  /// Why.
  public let cause: any Error

  init(name: String, host: String, port: Int, cause: any Error) {
    self.name = name
    address = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    self.cause = cause
  }

  /// All three in one line.
  public var description: String { "\(name): can't listen on \(address): \(cause)" }
}
