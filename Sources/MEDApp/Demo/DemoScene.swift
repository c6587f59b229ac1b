import MEDCore

/// What the demonstration plays: two topics, three subscriptions, one of which fails now and then.
struct DemoScene: Sendable {
  struct Route: Sendable {
    let topic: String
    let path: String
    let url: String
  }

  static let topics = ["order_paid", "user_registered"]
  private static let paths = [("order_paid", "/billing"), ("order_paid", "/stock"), ("user_registered", "/mail")]
  /// Every so many requests of this path fail, so that retries are seen.
  private static let failing = (path: "/billing", every: 100)

  let place: DemoPlace
  let server: QueueServerAddress
  let routes: [Route]
  /// Names of its own, so that a queue server used for other things stays undisturbed.
  let mainQueue: String
  private let channelPrefix: String

  init(place: DemoPlace, server: QueueServerAddress, receiver: ListenAddress) {
    self.place = place
    self.server = server
    let name = place.path.split(separator: "-").last.map(String.init) ?? "0"
    mainQueue = "demo-\(name)"
    channelPrefix = "demo-\(name)/"
    routes = Self.paths.map { Route(topic: $0.0, path: $0.1, url: "http://\(receiver)\($0.1)") }
  }

  static var receiverOptions: DemoReceiver.Options {
    var options = DemoReceiver.Options()
    options.failEveryOfPath = [failing.path: failing.every]
    return options
  }

  var configPath: String { place.path + "/medispatcher.toml" }

  var config: String {
    """
    QueueServerAddr = "\(server)"
    NameOfMainQueue = "\(mainQueue)"
    PrefixOfChannelQueue = "\(channelPrefix)"
    MaxSendersPerChannel = 100
    SendersPerRetryChannel = 5
    # A message that failed comes again after 1 s, 4 s, 9 s …
    CoeOfIntervalForRetrySendingMsg = 1
    LOG_DIR = "\(place.path)/log"
    DATA_DIR = "\(place.path)/data"
    DropMessageLogDir = "\(place.path)/drop"
    SplitLog = false
    ListenAddr = ""
    DebugAddr = ""
    StatisticApiAddr = ""
    PrometheusApiAddr = ""

    [Admin]
    Addr = ""

    [Store]
    Type = "sqlite"

    """
  }

  func topic(of number: Int) -> String { Self.topics[number % Self.topics.count] }

  func message(_ number: Int) throws -> OutgoingMessage {
    let json = #"{"number":\#(number),"amount":\#(number % 1000).95,"currency":"EUR","note":"a message of the demo"}"#
    var message = try OutgoingMessage(topic: topic(of: number), json: Array(json.utf8))
    message.sender = "medctl demo"
    return message
  }

  /// How many of `messages` go to `route`.
  func expected(_ route: Route, of messages: Int) -> Int { (0..<messages).count { topic(of: $0) == route.topic } }

  /// EXHAUSTED records of the data log.
  func countGivenUp() -> Int {
    guard let log = try? readFile(place.path + "/log/data.log", atMost: 1 << 30) else { return 0 }
    return log.split(separator: UInt8(ascii: "\n")).count { line in
      String(decoding: line.prefix(48), as: UTF8.self).contains(" EXHAUSTED ")
    }
  }

  func howToGoOn(isKept: Bool) -> String {
    let files = isKept ? "Config, store and logs of this run: \(place.path)\n" : ""
    return """
      \(files)
      To go on by hand:
        beanstalkd -l 127.0.0.1 -p 11300 -b /var/lib/beanstalkd -f 0   a queue server that forgets nothing
        medctl receive --listen 127.0.0.1:8080                         a test subscriber
        medctl subscriptions -f FILE add order_paid http://127.0.0.1:8080/orders
        medispatcher -f FILE                                           FILE: see Docs/etc/medispatcher.toml
        medctl publish -f FILE order_paid '{"number": 1}'
      """
  }
}
