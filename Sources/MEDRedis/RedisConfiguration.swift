/// Which Redis servers there are and how they are spoken to.
public struct RedisConfiguration: Sendable {
  /// A primary and those that may take its place, in the order in which they are tried. At least one.
  public var addresses: [RedisAddress]
  /// Sent with AUTH; empty for a server that asks for none. In no log, no error and no description.
  public var password: String
  /// The database that is selected, from 0 on.
  public var databaseIndex: Int
  /// How long a connection may take to be made, to each address. Names are resolved by the system, in its own time.
  public var connectTimeout: Duration
  /// How long each answer may take, counted from the one before.
  public var replyTimeout: Duration
  /// How much is read of all replies to one pipeline, in bytes of the protocol. More closes the connection.
  public var maximumReplyBytes: Int
  /// The most elements that a reply may have, nested ones included. One with more closes the connection.
  public var maximumReplyElements: Int

  /// Servers, with the defaults of everything else.
  public init(
    addresses: [RedisAddress], password: String = "", databaseIndex: Int = 0,
    connectTimeout: Duration = .seconds(2), replyTimeout: Duration = .seconds(10),
    maximumReplyBytes: Int = 256 << 20, maximumReplyElements: Int = 1 << 20
  ) {
    self.addresses = addresses
    self.password = password
    self.databaseIndex = databaseIndex
    self.connectTimeout = connectTimeout
    self.replyTimeout = replyTimeout
    self.maximumReplyBytes = maximumReplyBytes
    self.maximumReplyElements = maximumReplyElements
  }

  /// For people: the addresses, and the database.
  var place: String { addresses.map(\.description).joined(separator: ",") + "/\(databaseIndex)" }
}

extension RedisConfiguration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// Without the password.
  public var description: String { "redis \(place)" }
  /// The same.
  public var debugDescription: String { description }
  /// Shows a debugger or `dump` no more than ``description``.
  public var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}
