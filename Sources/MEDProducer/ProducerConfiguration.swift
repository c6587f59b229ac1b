import Logging
import MEDBeanstalk
import MEDCore

/// Where messages go, and how long is waited for whom.
public struct ProducerConfiguration: Sendable {
  /// What a dispatcher's `NameOfMainQueue` is unless its file says otherwise.
  public static let defaultMainQueue = "main-incoming-queue"
  /// Queue servers, and Redis servers, that may be named.
  public static let maximumServers = 64

  /// beanstalkds that dispatchers consume (`QueueServerAddr`), 1 ... 64; the load is spread over them.
  public var servers: [QueueServerAddress]
  /// The tube that dispatchers take from (`NameOfMainQueue`).
  public var mainQueue = ProducerConfiguration.defaultMainQueue
  /// Where messages go when no queue server takes them; nil: nowhere, they fail then.
  public var recoverList: RecoverListConfiguration?

  /// For each address of a queue server.
  public var connectTimeout = Duration.seconds(1)
  /// How long a queue server may leave a put unanswered; with n servers a publish takes n times as long at worst, before
  /// it goes to the list.
  public var replyTimeout = Duration.seconds(3)
  /// A server that hasn't answered for so long is asked only if no other is left; and once it has left a put unanswered
  /// after such a wait, it isn't asked at all for ``downTime``.
  public var suspicionTime = Duration.milliseconds(250)
  /// How long a server that has failed is left alone, or asked last.
  public var downTime = Duration.seconds(5)
  /// How long a worker may keep a job that it reserved, in whole seconds.
  public var timeToRun: UInt32 = 60

  /// Where outages and reconnects are told; nowhere by default.
  public var logger = Logger(label: "producer", factory: { _ in SwiftLogNoOpLogHandler() })

  /// A producer for these servers.
  public init(servers: [QueueServerAddress], recoverList: RecoverListConfiguration? = nil) {
    self.servers = servers
    self.recoverList = recoverList
  }

  /// A producer for servers that are named as in a dispatcher's config file.
  /// - Parameters:
  ///   - servers: `host:port`, or `host` for port 11300, several with commas between.
  ///   - recoverList: where messages go when no queue server takes them.
  /// - Throws: `.badConfiguration`, naming the one that can't be read.
  public init(servers: String, recoverList: RecoverListConfiguration? = nil) throws(ProducerError) {
    do throws(BeanstalkError) {
      self.init(servers: try QueueServerAddress.list(servers), recoverList: recoverList)
    } catch {
      throw ProducerError(.badConfiguration, error.message, cause: error)
    }
  }
}

extension ProducerConfiguration {
  /// The tube, once everything has been looked at.
  func checked() throws(ProducerError) -> TubeName {
    func bad(_ why: String) -> ProducerError { ProducerError(.badConfiguration, why) }
    guard (1...Self.maximumServers).contains(servers.count) else {
      throw bad("there are \(servers.count) queue servers, expected 1 ... \(Self.maximumServers)")
    }
    guard Set(servers).count == servers.count else { throw bad("a queue server is named twice") }
    guard let tube = TubeName(mainQueue) else { throw bad("\"\(mainQueue)\" is no name of a tube") }
    guard connectTimeout > .zero, replyTimeout > .zero, suspicionTime > .zero, downTime >= .zero, timeToRun > 0 else {
      throw bad("a time is zero or negative")
    }
    try recoverList?.check()
    return tube
  }

  /// How the sessions with queue servers behave.
  var beanstalk: BeanstalkConfiguration {
    var result = BeanstalkConfiguration()
    result.connectTimeout = connectTimeout
    result.replyTimeout = replyTimeout
    result.firstConnectPatience = connectTimeout
    result.timeToRun = timeToRun
    result.outputLimit = 64 << 20
    result.logger = logger
    return result
  }
}
