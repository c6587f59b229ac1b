import Glibc
import MEDBeanstalk
import MEDCore
import MEDLoop

/// `medctl demo`: the whole system on this machine, from a queue server of its own to counted deliveries.
public struct Demo {
  public struct Options: Sendable {
    /// A queue server that runs already; nil: one is started.
    public var beanstalkd: QueueServerAddress?
    public var messages = 10_000
    /// The `medispatcher` to start.
    public var dispatcher = ""
    /// Leave the directory with config, store and logs.
    public var keepsFiles = false

    public init() {}
  }

  public typealias OpenStore = @Sendable (Settings) async throws -> any SubscriptionEditor

  private let options: Options
  private let openStore: OpenStore
  private let stopped = Locked(false)
  private let remains = DemoRemains()

  /// Give up when nothing has arrived for so long.
  private static let patience = Duration.seconds(60)

  public init(_ options: Options, openStore: @escaping OpenStore) {
    self.options = options
    self.openStore = openStore
  }

  /// Runs from begin to end on the calling thread, which must be the main one. Call ``SignalThread/block()`` before.
  /// - Returns: success if every message arrived at each of its subscribers.
  public func run() throws -> ExitStatus {
    try SignalThread.start { [stopped, remains] event in
      guard case .stop = event else { return }
      let again = stopped.withLock { isStopped in
        defer { isStopped = true }
        return isStopped
      }
      if again {
        remains.clear()
        _exit(ExitStatus.failure.rawValue)
      }
    }
    let place = try DemoPlace(keepsFiles: options.keepsFiles)
    defer { place.remove() }
    remains.add(place)
    printLine("files          \(place.path)\(options.keepsFiles ? "" : ", removed at the end")")
    let receiver = try DemoReceiver(DemoScene.receiverOptions)
    defer { receiver.stop() }
    try receiver.start()
    let (server, queue) = try startQueueServer(place)
    defer { queue?.stop(within: .seconds(5)) }
    let scene = DemoScene(place: place, server: server, receiver: receiver.address)
    let subscriptions = try addSubscriptions(scene)
    let dispatcher = try start(scene)
    defer { dispatcher.stop(within: .seconds(45)) }
    try waitUntilWatched(scene, dispatcher)

    let start = ContinuousClock.now
    try publish(scene)
    let view = DemoView(receiver, scene, messages: options.messages, start: start)
    let isComplete = watch(view, dispatcher)
    // The dispatcher's last records are in its log only when it has stopped.
    dispatcher.stop(within: .seconds(45))
    let givenUp = scene.countGivenUp()
    view.finish(givenUp: subscriptions.map { givenUp[$0] ?? 0 })
    if stopped.withLock({ $0 }) { printLine("Stopped before all had arrived.") }
    if options.keepsFiles { printLine("Config, store and logs of this run: \(place.path)") }
    printLine("\n" + DemoScene.howToGoOn)
    return isComplete ? .success : .failure
  }

  private func startQueueServer(_ place: DemoPlace) throws -> (QueueServerAddress, ChildProcess?) {
    if let given = options.beanstalkd {
      printLine("queue server   \(given)")
      return (given, nil)
    }
    guard let program = ChildProcess.find("beanstalkd") else {
      throw SystemError(
        message: "beanstalkd is not installed (apt-get install beanstalkd), or use --beanstalkd HOST:PORT")
    }
    let address = QueueServerAddress(host: "127.0.0.1", port: try freePort())
    let binlog = place.path + "/binlog"
    try Directories.prepare(binlog, for: "demo")
    let child = try ChildProcess(
      program, ["-l", address.host, "-p", "\(address.port)", "-b", binlog, "-z", "1048576"],
      log: place.path + "/beanstalkd.log")
    remains.add(child)
    let deadline = ContinuousClock.now + .seconds(10)
    while true {
      do throws(SystemError) {
        close(try connectTCP(host: address.host, port: address.port, timeout: .seconds(2)))
        break
      } catch {
        guard child.isRunning, ContinuousClock.now < deadline else {
          child.stop(within: .zero)
          throw SystemError(
            message: "beanstalkd did not start: \(place.lastLine(of: "beanstalkd.log") ?? error.message)")
        }
        usleep(10_000)
      }
    }
    printLine("queue server   beanstalkd at \(address)")
    return (address, child)
  }

  /// - Returns: the ids, in the order of the scene's routes.
  private func addSubscriptions(_ scene: DemoScene) throws -> [Int] {
    try scene.place.write(scene.config, to: "medispatcher.toml")
    let configuration = try Configuration.load(scene.configPath)
    let openStore = openStore
    let routes = scene.routes
    let ids = try runBlocking {
      let store = try await openStore(configuration.settings)
      var ids: [Int] = []
      for route in routes {
        ids.append(
          try await store.addSubscription(
            topic: route.topic, urls: [route.url], subscriber: "demo", parameters: ["Concurrency": "50"]))
      }
      return ids
    }
    printLine("subscriptions  \(routes.map { "\($0.topic) → \($0.path)" }.joined(separator: ", "))")
    return ids
  }

  private func start(_ scene: DemoScene) throws -> ChildProcess {
    guard access(options.dispatcher, X_OK) == 0 else {
      throw SystemError(message: "there is no program \(options.dispatcher)")
    }
    let child = try ChildProcess(
      options.dispatcher, ["-f", scene.configPath], log: scene.place.path + "/medispatcher.log")
    remains.add(child)
    printLine("dispatcher     \(options.dispatcher)")
    return child
  }

  private func waitUntilWatched(_ scene: DemoScene, _ dispatcher: ChildProcess) throws {
    let server = scene.server
    let client = try runBlocking { try await BeanstalkClient.connect(to: server, configuration: .forTools) }
    guard let mainQueue = TubeName(scene.mainQueue) else { return }
    let deadline = ContinuousClock.now + .seconds(20)
    while true {
      if let tube = try runBlocking({ try await client.statistics(of: mainQueue) }), tube.watching > 0 { return }
      guard dispatcher.isRunning else {
        throw SystemError(
          message: "the dispatcher ended: \(scene.place.lastLine(of: "medispatcher.log") ?? "no reason given")")
      }
      if stopped.withLock({ $0 }) { throw SystemError(message: "stopped") }
      guard ContinuousClock.now < deadline else {
        throw SystemError(message: "the dispatcher doesn't take from the main queue")
      }
      usleep(20_000)
    }
  }

  private func publish(_ scene: DemoScene) throws {
    let publisher = try BeanstalkPublisher(servers: [scene.server], tube: scene.mainQueue)
    let bar = ProgressBar("publishing ")
    let total = options.messages
    var done = 0
    while done < total, !stopped.withLock({ $0 }) {
      let numbers = done..<min(done + PublishRun.batch, total)
      try publisher.publish(try numbers.map { try scene.message($0).job() })
      done = numbers.upperBound
      bar.show(done, of: total)
    }
  }

  /// - Returns: whether all has arrived.
  private func watch(_ view: DemoView, _ dispatcher: ChildProcess) -> Bool {
    var progress = (delivered: -1, at: ContinuousClock.now)
    while true {
      let delivered = view.show()
      if delivered >= view.expected { return true }
      if delivered != progress.delivered { progress = (delivered, ContinuousClock.now) }
      if !dispatcher.isRunning {
        printError("the dispatcher ended before all had arrived")
        return false
      }
      if ContinuousClock.now - progress.at > Self.patience {
        printError("nothing has arrived for \(Self.patience.components.seconds) s")
        return false
      }
      if stopped.withLock({ $0 }) { return false }
      usleep(view.pause)
    }
  }
}
