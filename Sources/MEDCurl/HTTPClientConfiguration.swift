/// How an ``HTTPClient`` behaves to all targets alike.
public struct HTTPClientConfiguration: Sendable {
  public var userAgent = "MEDispatcher"
  /// Certificate chain and host name are both checked, or neither is.
  public var verifiesCertificates = true
  /// A PEM file of trusted authorities, instead of the system's.
  public var caFile: String?
  /// `[scheme://][user:password@]host:port`. Without it no proxy is used, whatever the environment says.
  public var proxy: String?
  /// Addresses that are never connected to. With a proxy, its own address is what is checked.
  public var deniedNetworks = NetworkRange.linkLocal
  /// So much of a body (after decompression), and as much of headers, is read of an answer.
  public var maximumResponseBytes = 65_536
  /// Handles that are kept for the next requests; past that one is let go when its request ends.
  public var maximumIdleHandles = 4_096
  /// A target that isn't asked for so long is forgotten.
  public var idleTargetLifetime = Duration.seconds(60)
  /// Below the keep-alive times that servers usually have, so that they rarely close what is about to be used.
  public var idleConnectionLifetime = Duration.seconds(55)
  /// No connection is reused after that, so that a changed name or balancer is noticed even by a busy target.
  public var connectionLifetime = Duration.seconds(600)

  public init() {}
}
