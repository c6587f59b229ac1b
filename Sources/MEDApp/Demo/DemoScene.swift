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
  static let failing = (path: "/billing", every: 100)

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

  /// How many messages of each subscription were given up, by the DATA log.
  func countGivenUp() -> [Int: Int] {
    var counts: [Int: Int] = [:]
    guard let log = try? DataLogReader(path: place.path + "/log/data.log") else { return counts }
    while let entry = try? log.next() {
      guard case .record(let line) = entry.content, line.record.kind == .exhausted else { continue }
      counts[line.record.subscription ?? 0, default: 0] += 1
    }
    return counts
  }

  /// Commands that work as they stand, for somebody who calls this program as it was called just now.
  static var howToGoOn: String {
    let medctl = CommandLine.arguments.first ?? "medctl"
    let directory = medctl.lastIndex(of: "/").map { String(medctl[...$0]) } ?? ""
    let place = "/tmp/medispatcher-try"
    let here = directory.isEmpty || directory.hasPrefix("/") ? "" : ", in this directory"
    return """
      To go on by hand, each block in a terminal of its own\(here):

        beanstalkd -l 127.0.0.1 -p 11300

        \(medctl) receive

        mkdir -p \(place) && cat > \(place)/try.toml <<'END'
        LOG_DIR = "\(place)/log"
        DATA_DIR = "\(place)/data"
        DropMessageLogDir = "\(place)/drop"
        END
        \(medctl) subscriptions add -f \(place)/try.toml order_paid http://127.0.0.1:8080/orders
        \(directory)medispatcher -f \(place)/try.toml

        \(medctl) publish -f \(place)/try.toml order_paid '{"order": 4711}'

      medctl --help shows more; Docs/etc/medispatcher.toml explains every key of the config file.
      """
  }
}
