import Logging
import MEDCore
import NIOCore
import NIOPosix
import ServiceLifecycle

/// The control panel's protocol over TCP (SPEC §8): requests and answers as ``RPCFrameParser`` and ``RPCAnswer`` have them.
///
/// A connection carries requests one after the other. The client ends it with `CLOSE`, or by closing; the server sends
/// `CLOSE` before it hangs up: after `CLOSE`, after ``RPCLimits/idle`` without a request, on a stop, and after an answer
/// `failed` to what is malformed or too slow. An unknown command, or one that fails, ends no connection. Peers are let in
/// by address, since the protocol has no password.
public struct RPCServer: Service {
  /// Carries out one command.
  public typealias Perform =
    @Sendable (_ command: String, _ arguments: JSONValue) async throws(ControlError) -> JSONValue

  private let name: String
  private let host: String
  private let port: Int
  private let threads: any EventLoopGroup
  private let hub: RPCHub

  /// - Parameters:
  ///   - name: of the config key that the address comes from, for errors and logs.
  ///   - host: a name or an address, without brackets.
  ///   - port: 0 for any.
  ///   - threads: where the connections live; never shut down here.
  ///   - limits: what clients may take.
  ///   - isAllowed: whether a peer with this numeric address may speak. Asked once for each connection, on its thread.
  ///   - logger: where starts, stops and refused peers are told.
  ///   - perform: carries out commands, any number at once; not on the connections' threads.
  public init(
    _ name: String, host: String, port: Int, threads: any EventLoopGroup, limits: RPCLimits = .init(),
    isAllowed: @escaping @Sendable (_ address: String) -> Bool, logger: Logger, perform: @escaping Perform
  ) {
    self.name = name
    self.host = host
    self.port = port
    self.threads = threads
    hub = RPCHub(limits: limits, isAllowed: isAllowed, perform: perform, logger: logger)
  }

  /// What it has seen so far.
  public var state: RPCState { hub.counters }

  /// Returns after a graceful shutdown, which no client can delay beyond ``RPCLimits/stopPatience``, and after a
  /// cancellation.
  /// - Throws: ``RPCServerError`` if the address can't be listened on.
  public func run() async throws { try await run(onListening: { _ in }) }

  /// - Parameter onListening: told the port once it is listened on.
  func run(onListening: @Sendable (Int) -> Void) async throws {
    let listener: any Channel
    do {
      listener = try await bind()
    } catch {
      throw RPCServerError(name: name, host: host, port: port, cause: error)
    }
    let port = listener.localAddress?.port ?? self.port
    hub.logger.info("listening", metadata: ["key": "\(name)", "port": "\(port)"])
    onListening(port)
    let isStopping = (try? await gracefulShutdown()) != nil
    listener.close(promise: nil)
    hub.stop()
    if isStopping { await waitForClients() }
    hub.closeAll()
  }

  private func waitForClients() async {
    let deadline = ContinuousClock.now + hub.limits.stopPatience
    while hub.connections > 0, ContinuousClock.now < deadline {
      guard (try? await Task.sleep(for: .milliseconds(5))) != nil else { return }
    }
  }

  private func bind() async throws -> any Channel {
    let hub = hub
    return try await ServerBootstrap(group: threads)
      .serverChannelOption(.backlog, value: 1_024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.socketOption(.so_keepalive), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      // A client may close its half once it has asked, and still wants its answer.
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        guard hub.admits(channel.remoteAddress?.ipAddress) else {
          return channel.eventLoop.makeFailedFuture(RefusedPeer())
        }
        return channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(RPCConnection(hub))
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
