import MEDCurl

/// A block of addresses, such as `169.254.0.0/16`.
public typealias NetworkRange = MEDCurl.NetworkRange

/// How pushes are made, to all subscribers alike (SPEC §5, `[Push]` of the config file).
public struct PushConfiguration: Sendable {
  /// `MEDispatcher/<version>`.
  public var userAgent = "MEDispatcher"
  /// Certificate chain and host name are checked.
  public var verifyTLS = true
  /// A PEM file of trusted authorities; nil for the system's.
  public var caFile: String?
  /// `[scheme://][user:password@]host:port`; nil for none, whatever the environment says.
  public var proxy: String?
  /// Never connected to. The default is where cloud providers keep their metadata.
  public var denyNetworks = NetworkRange.linkLocal
  /// So much of an answer is read, counted after decompression, and as much of headers.
  public var maxResponseBytes = 65_536

  /// The defaults.
  public init() {}

  var client: HTTPClientConfiguration {
    var client = HTTPClientConfiguration()
    client.userAgent = userAgent
    client.verifiesCertificates = verifyTLS
    client.caFile = caFile
    client.proxy = proxy
    client.deniedNetworks = denyNetworks
    client.maximumResponseBytes = maxResponseBytes
    return client
  }
}
