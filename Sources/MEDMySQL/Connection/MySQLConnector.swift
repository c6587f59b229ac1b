import CMariaDB
import MEDCore
import MEDLoop

/// Makes connections.
final class MySQLConnector: Sendable {
  /// Seconds that a lock of others is waited for.
  static let lockTimeout = 5
  /// The largest packet that is taken from a server, and so the largest row.
  private static let largestPacket: UInt = 64 << 20

  let configuration: MySQLConfiguration
  private let pace = ConnectPace()
  private let isClosed = Locked(false)

  init(_ configuration: MySQLConfiguration) { self.configuration = configuration }

  /// The library's own start, once.
  private static let isReady = mysql_server_init(0, nil, nil) == 0

  /// For good: no connection is made after it.
  func close() { isClosed.withLock { $0 = true } }

  func connect(_ breaker: ConnectionBreaker) throws(StoreError) -> MySQLHandle {
    try pace.check()
    do throws(StoreError) {
      let handle = try connected(breaker)
      pace.succeeded()
      return handle
    } catch {
      pace.failed(error)
      throw error
    }
  }

  private func connected(_ breaker: ConnectionBreaker) throws(StoreError) -> MySQLHandle {
    let place = configuration.place
    guard !isClosed.withLock({ $0 }), !breaker.isBroken else {
      throw StoreError(.unavailable, "mysql \(place): the store is closed")
    }
    guard Self.isReady, let pointer = mysql_init(nil) else {
      throw StoreError(.unavailable, "mysql \(place): no memory for a connection")
    }
    var isOurs = true
    defer { if isOurs { mysql_close(pointer) } }
    setOptions(pointer)
    let host =
      configuration.host.hasPrefix("[") ? String(configuration.host.dropFirst().dropLast()) : configuration.host
    let made = mysql_real_connect(
      pointer, configuration.isSocket ? nil : host, configuration.user, configuration.password,
      configuration.database, configuration.isSocket ? 0 : UInt32(clamping: configuration.port),
      configuration.isSocket ? configuration.host : nil, UInt(CLIENT_FOUND_ROWS))
    guard made != nil else {
      let error = MySQLServerError(
        code: mysql_errno(pointer), sqlState: mysql_sqlstate(pointer).map { String(cString: $0) } ?? "")
      let text = mysql_error(pointer).map { String(cString: $0) } ?? ""
      // Whatever keeps a connection from being made may be mended: nothing that was asked for is wrong.
      throw StoreError(
        .unavailable, StoreError(mysql: error, text, at: place, hiding: configuration.password).message, cause: error)
    }
    switch configuration.options.tls {
    case .off, .preferred: break
    case .unverified, .verified:
      guard mysql_get_ssl_cipher(pointer) != nil else {
        throw StoreError(.unavailable, "mysql \(place): the server can't do TLS, which [Database] Options ask for")
      }
    }
    let socket = mysql_get_socket(pointer)
    isOurs = false
    let handle = MySQLHandle(pointer, place: place, breaker)
    guard breaker.opened(socket) else { throw StoreError(.unavailable, "mysql \(place): the store is closed") }
    return handle
  }

  private func setOptions(_ pointer: UnsafeMutablePointer<MYSQL>) {
    let options = configuration.options
    number(pointer, MYSQL_OPT_CONNECT_TIMEOUT, Self.seconds(options.connectTimeout))
    number(pointer, MYSQL_OPT_READ_TIMEOUT, Self.seconds(options.readTimeout))
    number(pointer, MYSQL_OPT_WRITE_TIMEOUT, Self.seconds(options.writeTimeout))
    text(pointer, MYSQL_SET_CHARSET_NAME, "utf8mb4")
    // `localhost` would mean the library's own idea of a socket.
    number(
      pointer, MYSQL_OPT_PROTOCOL, configuration.isSocket ? MYSQL_PROTOCOL_SOCKET.rawValue : MYSQL_PROTOCOL_TCP.rawValue
    )
    // A server could ask for any file of this machine.
    number(pointer, MYSQL_OPT_LOCAL_INFILE, 0)
    flag(pointer, MYSQL_OPT_RECONNECT, false)
    flag(pointer, MYSQL_REPORT_DATA_TRUNCATION, true)
    var largest = Self.largestPacket
    mysql_options(pointer, MYSQL_OPT_MAX_ALLOWED_PACKET, &largest)
    // A server whose default is another would keep each connection in the state of its first read. Its own limits are
    // a day for locks of tables and 50 s for those of rows.
    let lock = min(Self.lockTimeout, max(1, Int(Self.seconds(options.readTimeout)) - 1))
    text(
      pointer, MYSQL_INIT_COMMAND,
      "SET SESSION autocommit = 1, innodb_lock_wait_timeout = \(lock), lock_wait_timeout = \(lock)")
    if !options.allowsCleartextPasswords {
      text(
        pointer, MARIADB_OPT_RESTRICTED_AUTH,
        "mysql_native_password,client_ed25519,caching_sha2_password,sha256_password,auth_gssapi_client")
    }
    setTLS(pointer, options)
  }

  private func setTLS(_ pointer: UnsafeMutablePointer<MYSQL>, _ options: MySQLOptions) {
    guard options.tls != .off else { return }
    if !options.caFile.isEmpty { text(pointer, MYSQL_OPT_SSL_CA, options.caFile) }
    if !options.certificateFile.isEmpty { text(pointer, MYSQL_OPT_SSL_CERT, options.certificateFile) }
    if !options.keyFile.isEmpty { text(pointer, MYSQL_OPT_SSL_KEY, options.keyFile) }
    flag(pointer, MYSQL_OPT_SSL_ENFORCE, true)
    flag(pointer, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, options.tls == .verified)
  }

  private func number(_ pointer: UnsafeMutablePointer<MYSQL>, _ option: mysql_option, _ value: UInt32) {
    var value = value
    mysql_options(pointer, option, &value)
  }

  private func flag(_ pointer: UnsafeMutablePointer<MYSQL>, _ option: mysql_option, _ value: Bool) {
    var value: my_bool = value ? 1 : 0
    mysql_options(pointer, option, &value)
  }

  private func text(_ pointer: UnsafeMutablePointer<MYSQL>, _ option: mysql_option, _ value: String) {
    mysql_options(pointer, option, value)
  }

  /// Rounded up, as the library counts.
  private static func seconds(_ duration: Duration) -> UInt32 {
    let range = MySQLOptions.timeoutRange
    let (seconds, rest) = min(max(duration, range.lowerBound), range.upperBound).components
    return UInt32(clamping: seconds + (rest > 0 ? 1 : 0))
  }
}
