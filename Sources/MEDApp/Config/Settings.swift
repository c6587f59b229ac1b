import MEDBeanstalk
import MEDCore
import MEDCurl
import MEDRedis

/// Everything that the config file can say (SPEC §17), checked and typed. A fresh value holds the defaults.
///
/// ``ConfigOption/all`` ties each property to its key, its bounds and its description.
public struct Settings: Sendable {
  // Queue servers
  public var queueServerType = "beanstalk"
  public var queueServers = [QueueServerAddress(host: "127.0.0.1")]
  public var listenConnections = 2
  public var commandConnections = 1
  public var maximumConsumedQueueServers = 8
  public var inFlightState = InFlightState.buried
  // Queues and lanes
  public var mainQueue = "main-incoming-queue"
  public var channelPrefix = "sub-queue/"
  public var mainQueueListeners = 1
  public var sendersPerChannel = 1
  public var maximumSendersPerChannel = 10
  public var sendersPerRetryChannel = 1
  public var maximumSendersPerRetryChannel = 10
  public var sendingInterval = Duration.zero
  // Pushes and retries
  public var maximumProcessTime = Duration.seconds(30)
  public var defaultProcessTime = Duration.seconds(5)
  public var retryCoefficient = 10
  public var maximumRetries = 10
  // Records and places
  public var logsSentMessages = true
  public var splitsLogs = true
  public var logDirectory = "/var/log/medispatcher"
  public var dataDirectory = "/var/lib/medispatcher"
  public var dropLogDirectory = "/var/lib/medispatcher-drop"
  // Process
  public var daemonUser = ""
  public var pidFile = ""
  public var receptionEnvironment = ""
  public var runsAtBench = false
  // Addresses that it listens on; nil: off
  public var rpcAddress: ListenAddress? = ListenAddress(host: "0.0.0.0", port: 5601)
  public var debugAddress: ListenAddress? = ListenAddress(host: "127.0.0.1", port: 9898)
  public var statisticsAddress: ListenAddress? = ListenAddress(host: "0.0.0.0", port: 5606)
  public var prometheusAddress: ListenAddress? = ListenAddress(host: "0.0.0.0", port: 25606)
  // Alerts and recover lists
  public var globalBlockedThreshold = 0
  public var globalBlockedAlarmInterval = Duration.seconds(180)
  public var mainQueueBlockedThreshold = 0
  public var defaultAlarmReceiver = ""
  public var defaultAlarmChannel = ""
  public var recoverListPrefix = "mec_list_of_msg_for_restore_to_queue_server:"

  public var store = Store()
  public var database = Database()
  public var redis = Redis()
  public var push = Push()
  public var rpc = RPC()
  public var admin = Admin()
  public var etcd = Etcd()
  public var recovery = Recovery()
  public var log = Log()
  public var engine = Engine()
  public var alerterEmail = AlertGatewaySettings()
  public var alerterSMS = AlertGatewaySettings()
  public var alarmPlatform = AlertGatewaySettings()

  public init() {}
}

extension Settings {
  public struct Store: Sendable {
    public enum Kind: String, Sendable, CaseIterable {
      /// mysql when the file has a [Database], else sqlite.
      case automatic = ""
      case sqlite, mysql
    }

    public var type = Kind.automatic
    public var path = "medispatcher.sqlite"
    public var refreshInterval = Duration.seconds(10)
  }

  public struct Database: Sendable {
    /// Whether the file has a [Database] table at all.
    public var isConfigured = false
    public var host = "127.0.0.1"
    public var port = 3306
    public var user = ""
    public var password = ""
    public var name = ""
    public var options = ""
    public var maximumConnections = 10
  }

  public struct Redis: Sendable {
    /// A primary and those that may take its place; empty: no recover lists.
    public var addresses: [RedisAddress] = []
    public var databaseIndex = 0
    public var password = ""
  }

  public struct Push: Sendable {
    public var contextHeader = "X-Jumei-Context"
    public var owlContextHeader = "X-Jumei-Owl-Context"
    public var verifiesTLS = true
    public var caFile = ""
    public var proxy = ""
    public var maximumResponseBytes = 65536
    public var deniedNetworks = NetworkRange.linkLocal
  }

  public struct RPC: Sendable {
    public var allowedNetworks = NetworkRange.loopbackAndPrivate
  }

  public struct Admin: Sendable {
    public var address: ListenAddress? = ListenAddress(host: "127.0.0.1", port: 5680)
    public var token = ""
  }

  public struct Etcd: Sendable {
    /// Empty: this instance is alone and consumes all queue servers.
    public var endpoints: [String] = []
    public var user = ""
    public var password = ""
    public var caFile = ""
    public var advertise = ""
  }

  public struct Recovery: Sendable {
    public var kicksOrphansAtStart = false
  }

  public struct Log: Sendable {
    public enum Output: String, Sendable, CaseIterable { case files, stdout }
    public enum Level: String, Sendable, CaseIterable { case debug, info, warning, error }

    public var output = Output.files
    public var level = Level.info
  }

  public struct Engine: Sendable {
    public var loops = 1
  }

  /// The store that is meant: what [Store] Type says, or what the presence of [Database] implies.
  public var storeType: Store.Kind {
    guard store.type == .automatic else { return store.type }
    return database.isConfigured ? .mysql : .sqlite
  }

  /// Where the SQLite store is: [Store] Path, seen from DATA_DIR.
  public var storePath: String {
    store.path.hasPrefix("/") ? store.path : dataDirectory + "/" + store.path
  }
}

/// One HTTP gateway for alerts (SPEC §15).
public struct AlertGatewaySettings: Sendable {
  public var gateway = ""
  public var acknowledgement = ""
  public var user = ""
  public var password = ""
  public var from = ""
  public var templateRootPath = ""
  public var fields = Fields()

  /// What the gateway calls each field; an empty name leaves the field out.
  public struct Fields: Sendable {
    public var user = "User"
    public var password = "Password"
    public var from = "From"
    public var subject = "Subject"
    public var recipient = "Recipient"
    public var content = "Content"
  }
}
