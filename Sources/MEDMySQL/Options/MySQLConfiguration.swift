/// Where a database is and how it is spoken to.
public struct MySQLConfiguration: Sendable {
  /// A name or an address, which is connected to by TCP, also if it is `localhost`; or the absolute path of a socket.
  public var host: String
  /// 1 ... 65535; nothing for a socket.
  public var port: Int
  /// The account.
  public var user: String
  /// Its password. In no log, no error and no description.
  public var password: String
  /// The database with the tables of SPEC §7.
  public var database: String
  /// Time-outs, TLS.
  public var options: MySQLOptions
  /// So many connections at most, at least 1. They are opened when they are needed.
  ///
  /// From four on, refreshing, tools and the failure log have one each, and lookups of topics the rest.
  public var maximumConnections: Int

  /// A database of that name on this machine, with the defaults of everything else.
  public init(
    host: String = "127.0.0.1", port: Int = 3306, user: String = "", password: String = "", database: String,
    options: MySQLOptions = MySQLOptions(), maximumConnections: Int = 10
  ) {
    self.host = host
    self.port = port
    self.user = user
    self.password = password
    self.database = database
    self.options = options
    self.maximumConnections = maximumConnections
  }

  /// The host is the path of a socket.
  var isSocket: Bool { host.hasPrefix("/") }

  /// For people: `host:port/database`.
  var place: String {
    (isSocket ? host : host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)") + "/\(database)"
  }
}

extension MySQLConfiguration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// Without the password.
  public var description: String { "mysql \(user)@\(place), at most \(maximumConnections) connections" }
  /// The same.
  public var debugDescription: String { description }
  /// Shows a debugger or `dump` no more than ``description``.
  public var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}
