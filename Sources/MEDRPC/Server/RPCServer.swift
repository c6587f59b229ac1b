import Logging
import MEDCore
import NIOCore
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

  private let listener: GuardedListener
  private let hub: RPCHub

  /// - Parameters:
  ///   - name: of the config key that the address comes from, for errors and logs.
  ///   - host: a name or an address, without brackets.
  ///   - port: 0 for any.
  ///   - threads: where the connections live; never shut down here.
  ///   - limits: what clients may take.
  ///   - isAllowed: whether a peer with this numeric address may speak. Asked once for each connection, on its thread.
  ///   - commands: names that are counted each by itself, see ``RPCStatistics``.
  ///   - logger: where starts, stops and refused peers are told.
  ///   - perform: carries out commands, any number at once; not on the connections' threads.
  public init(
    _ name: String, host: String, port: Int, threads: any EventLoopGroup, limits: RPCLimits = .init(),
    isAllowed: @escaping @Sendable (_ address: String) -> Bool,
    commands: [String] = ControlCommand.Name.allCases.map(\.rawValue), logger: Logger, perform: @escaping Perform
  ) {
    let register = ConnectionRegister(
      maximum: limits.connections, maximumBytes: limits.heldBytes, isAllowed: isAllowed, logger: logger)
    listener = GuardedListener(
      name: name, host: host, port: port, threads: threads, register: register, stopPatience: limits.stopPatience,
      logger: logger)
    hub = RPCHub(limits: limits, register: register, commands: commands, perform: perform)
  }

  /// What it has seen so far.
  public var state: RPCState { hub.counters }
  /// Commands by the minute.
  public var statistics: RPCStatistics { hub.statistics }

  /// Returns after a graceful shutdown, which no client can delay beyond ``RPCLimits/stopPatience``, and after a
  /// cancellation.
  /// - Throws: ``RPCServerError`` if the address can't be listened on.
  public func run() async throws { try await run(onListening: { _ in }) }

  /// - Parameter onListening: told the port once it is listened on.
  func run(onListening: @Sendable (Int) -> Void) async throws {
    let hub = hub
    try await listener.run(onListening: onListening) { RPCConnection(hub) }
  }
}
