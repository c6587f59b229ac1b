import Logging
import NIOCore
import ServiceLifecycle

/// A console for telnet: a client types a word and gets an answer, as often as it likes (SPEC §9, StatisticApiAddr).
///
/// `quit`, `exit` and `close` end the connection; a word that isn't known is answered with those that are. Peers are let in
/// by address, since the protocol has no password.
public struct ConsoleServer: Service {
  /// What a command answers.
  public struct Answer: Sendable {
    /// As it is sent.
    public var bytes: [UInt8]
    /// The connection ends behind it, which is how a client knows the end of what isn't text.
    public var endsConnection: Bool

    /// An answer.
    public init(_ bytes: [UInt8], endsConnection: Bool = false) {
      self.bytes = bytes
      self.endsConnection = endsConnection
    }
  }

  /// A word and what it does, any number at once; not on the connections' threads.
  public struct Command: Sendable {
    let word: String
    let perform: @Sendable () async -> Answer

    /// - Parameters:
    ///   - word: in lower case.
    ///   - perform: makes the answer.
    public init(_ word: String, _ perform: @escaping @Sendable () async -> Answer) {
      self.word = word
      self.perform = perform
    }
  }

  private let listener: GuardedListener
  private let desk: ConsoleDesk

  /// - Parameters:
  ///   - name: of the config key that the address comes from, for errors and logs.
  ///   - host: a name or an address, without brackets.
  ///   - port: 0 for any.
  ///   - threads: where the connections live; never shut down here.
  ///   - limits: what clients may take.
  ///   - isAllowed: whether a peer with this numeric address may speak. Asked once for each connection, on its thread.
  ///   - logger: where starts, stops and refused peers are told.
  ///   - commands: in the order in which they are told.
  public init(
    _ name: String, host: String, port: Int, threads: any EventLoopGroup, limits: ConsoleLimits = .init(),
    isAllowed: @escaping @Sendable (_ address: String) -> Bool, logger: Logger, commands: [Command]
  ) {
    let register = ConnectionRegister(
      maximum: limits.connections, maximumBytes: limits.heldBytes, isAllowed: isAllowed, logger: logger)
    listener = GuardedListener(
      name: name, host: host, port: port, threads: threads, register: register, stopPatience: limits.stopPatience,
      logger: logger)
    desk = ConsoleDesk(limits: limits, register: register, commands: commands)
  }

  /// Clients that are connected.
  public var connections: Int { desk.register.counters.connections }

  /// Returns after a graceful shutdown, which no client can delay beyond ``ConsoleLimits/stopPatience``, and after a
  /// cancellation.
  /// - Throws: ``RPCServerError`` if the address can't be listened on.
  public func run() async throws { try await run(onListening: { _ in }) }

  /// - Parameter onListening: told the port once it is listened on.
  func run(onListening: @Sendable (Int) -> Void) async throws {
    let desk = desk
    try await listener.run(onListening: onListening) { ConsoleConnection(desk) }
  }
}

/// What the connections of one console share.
struct ConsoleDesk: Sendable {
  /// Words that end a connection.
  static let farewells: Set<String> = ["quit", "exit", "close"]

  let limits: ConsoleLimits
  let register: ConnectionRegister
  let commands: [ConsoleServer.Command]

  /// What a word does; nil: it isn't known.
  func command(_ word: String) -> ConsoleServer.Command? { commands.first { $0.word == word } }

  var unknownWord: String {
    "unknown command, expected \((commands.map(\.word) + ["quit"]).joined(separator: ", "))\r\n"
  }
}
