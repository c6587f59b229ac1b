import Glibc

/// Where messages go when no queue server takes them: a Redis list that dispatchers watch.
public struct RecoverListConfiguration: Sendable {
  /// What a dispatcher's `MsgQueueFaultToleranceListNamePrefix` is unless its file says otherwise.
  public static let defaultPrefix = "mec_list_of_msg_for_restore_to_queue_server:"

  /// `host:port`, or `host` for port 6379, of each Redis; 1 ... 64. Those that dispatchers look at (`[Redis] Addr`): one,
  /// a primary with the replicas that may take its place, or several that know nothing of each other. The message goes
  /// on the list of one that takes writes.
  public var servers: [String]
  /// `[Redis] DbIndex`.
  public var database = 0
  /// `[Redis] Password`; empty: none is asked for.
  public var password = ""
  /// `MsgQueueFaultToleranceListNamePrefix`: dispatchers take from every list whose name begins so.
  public var prefix = RecoverListConfiguration.defaultPrefix
  /// The rest of the list's name; the host's name by default, so that one sees who was in trouble.
  public var name = RecoverListConfiguration.hostName
  /// How long a Redis may take to connect, or to answer.
  public var timeout = Duration.seconds(3)

  /// The list on these Redis servers.
  public init(servers: [String]) { self.servers = servers }

  /// The list on this Redis.
  public init(server: String) { self.init(servers: [server]) }

  /// The name of the list.
  public var list: String { prefix + name }

  func check() throws(ProducerError) {
    func bad(_ why: String) -> ProducerError { ProducerError(.badConfiguration, "recover list: \(why)") }
    guard (1...ProducerConfiguration.maximumServers).contains(servers.count) else {
      throw bad("there are \(servers.count) Redis servers, expected 1 ... \(ProducerConfiguration.maximumServers)")
    }
    guard !prefix.isEmpty else { throw bad("the prefix is empty: dispatchers wouldn't find the list") }
    guard !name.isEmpty else { throw bad("the name is empty") }
    guard database >= 0 else { throw bad("the database \(database) is negative") }
    guard timeout > .zero else { throw bad("a time-out is zero or negative") }
  }

  private static var hostName: String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard gethostname(&buffer, buffer.count - 1) == 0 else { return "producer" }
    let name = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    return name.isEmpty ? "producer" : name
  }
}
