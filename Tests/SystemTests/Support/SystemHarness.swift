import Foundation
import Glibc
import Logging
import MEDCore
import MEDSQLite
import MEDTestSupport

/// A dispatcher as an operator has it: the built program, its config file, a store, a queue server, and subscribers.
///
/// Everything is its own and goes with the last reference. Subscribers answer on ``receiver``; what they saw is in
/// ``ledger``.
final class SystemHarness: Sendable {
  static let mainQueue = "main-incoming-queue"
  static let topic = "order_paid"

  let directory: TemporaryDirectory
  let server: BeanstalkdServer
  /// In front of ``server``; used by the dispatcher only if the harness was made so.
  let proxy: FaultProxy
  let receiver: TestReceiver
  /// The dispatcher's, unless the harness was made with another one.
  let store: SQLiteStore
  /// What subscriptions are added to.
  let editor: any SubscriptionEditor
  let ledger = Ledger()
  private let process = Locked<ServerProcess?>(nil)

  /// - Parameters:
  ///   - settings: TOML values by key, instead of the defaults below or beside them.
  ///   - tables: more of the config file, such as a [Push] table.
  ///   - throughProxy: whether the dispatcher reaches the queue server through ``proxy``.
  ///   - editor: of the store that `tables` name, if it isn't the SQLite file.
  init(
    _ server: BeanstalkdServer, settings: [String: String] = [:], tables: String = "", throughProxy: Bool = false,
    editor: (any SubscriptionEditor)? = nil
  ) throws {
    self.server = server
    directory = try TemporaryDirectory("system")
    proxy = try FaultProxy(to: server)
    receiver = try TestReceiver()
    try directory.directory("data")
    store = SQLiteStore(path: directory.file("data/medispatcher.sqlite"), logger: Logger(label: "test"))
    self.editor = editor ?? store
    var values = [
      "QueueServerAddr": "\"\(throughProxy ? proxy.address : server.address)\"",
      "LOG_DIR": "\"\(directory.file("log"))\"", "DATA_DIR": "\"\(directory.file("data"))\"",
      "DropMessageLogDir": "\"\(directory.file("drop"))\"", "SplitLog": "false", "EnableMsgSentLog": "false",
      // A busy machine takes its time to answer, and a push that takes too long is pushed again.
      "MaxMessageProcessTime": "\(30_000 * Patience.factor)",
      "DefaultMaxMessageProcessTime": "\(30_000 * Patience.factor)",
      "CoeOfIntervalForRetrySendingMsg": "1", "SendersPerChannel": "10", "SendersPerRetryChannel": "10",
      "ListenAddr": "\"\"", "DebugAddr": "\"\"", "StatisticApiAddr": "\"\"", "PrometheusApiAddr": "\"\"",
    ]
    values.merge(settings) { $1 }
    let lines = values.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)\n" }
    try directory.write(
      lines.joined() + "[Store]\nRefreshInterval = 1\n[Admin]\nAddr = \"\"\n" + tables, to: "config.toml")
  }

  static func start(
    binlog: Bool = false, maxJobSize: Int = 1_048_576, settings: [String: String] = [:], tables: String = "",
    throughProxy: Bool = false
  ) async throws -> SystemHarness {
    let server = try await BeanstalkdServer.start(binlog: binlog, maxJobSize: maxJobSize)
    return try SystemHarness(server, settings: settings, tables: tables, throughProxy: throughProxy)
  }

  var config: String { directory.file("config.toml") }

  // MARK: Subscriptions and messages

  /// What a subscriber does with a push.
  enum Response: Sendable {
    case accept(after: Duration)
    case refuse(Answer)

    static var accept: Response { .accept(after: .zero) }
  }

  /// Adds a subscription whose subscriber answers as `respond` says; it runs on the receiver's thread.
  @discardableResult
  func subscribe(
    _ topic: String = SystemHarness.topic, parameters: [String: String] = [:],
    _ respond: @escaping @Sendable (ReceivedRequest) -> Response = { _ in .accept }
  ) async throws -> Int {
    let path = "/\(UUID().uuidString)"
    let id = try await editor.addSubscription(
      topic: topic, urls: [receiver.url(path)], subscriber: path, parameters: parameters)
    ledger.add(subscription: id, topic: topic, path: path)
    receiver.on(path) { [ledger] request in
      switch respond(request) {
      case .accept(let delay):
        ledger.note(request, of: id, accepted: true)
        return .ok.delayed(delay)
      case .refuse(let answer):
        ledger.note(request, of: id, accepted: false)
        return answer
      }
    }
    return id
  }

  /// The receiver's path of a subscription.
  func path(_ subscription: Int) -> String { ledger.path(subscription) }

  /// Puts the messages with these numbers into the main queue, as a producer does.
  func publish(_ numbers: Range<Int>, topic: String = SystemHarness.topic) throws {
    let client = try server.client()
    for number in numbers { try client.put(Self.message(number, topic: topic), into: Self.mainQueue) }
    ledger.published(numbers, topic: topic)
  }

  static func message(_ number: Int, topic: String = SystemHarness.topic, padding: Int = 0) -> [UInt8] {
    let mark = MessageMark.text(number) + String(repeating: "x", count: padding)
    return TestMessage(topic: topic, body: .map([("id", .string(mark))])).encoded
  }

  static func channel(_ subscription: Int, topic: String = SystemHarness.topic) -> String {
    "\(topic)/sub-queue/\(subscription)"
  }

  // MARK: The dispatcher

  /// Starts it, or starts it again after its end, and waits until it runs (or has ended).
  func startDispatcher() async throws {
    let binary = try BuiltBinary.path("medispatcher")
    let started = try process.withLock { process in
      if let process {
        try process.start()
        return process
      }
      let started = try ServerProcess(binary, ["-f", config])
      process = started
      return started
    }
    // A signal that comes before it has begun to listen for signals ends it at once.
    try await eventually("the dispatcher runs", within: .seconds(20)) {
      !started.isRunning || log("info").contains("pid=\(started.pid)")
    }
  }

  var dispatcher: ServerProcess {
    get throws {
      guard let running = process.withLock({ $0 }) else { throw StillThere(description: "it was never started") }
      return running
    }
  }

  /// KILL, at once; may be called from any thread.
  func kill() { process.withLock { _ = $0?.signal(SIGKILL) } }

  /// TERM; the exit status must be 0.
  func stopDispatcher() async throws -> ExitStatus {
    let dispatcher = try dispatcher
    dispatcher.signal(SIGTERM)
    return try await dispatcher.waitForExit(within: .seconds(30))
  }

  func amend() async throws -> ServerProcess.Finished {
    try await ServerProcess.run(BuiltBinary.path("amender"), ["-f", config])
  }

  /// The text of a file in LOG_DIR.
  func log(_ name: String) -> String { directory.read("log/\(name).log") }

  func waitUntilEmpty(file: StaticString = #fileID, line: Int = #line) async throws {
    try await waitUntilLeft(0, file: file, line: line)
  }

  /// Waits until the queue server holds so many jobs, in whatever state.
  func waitUntilLeft(
    _ jobs: Int, within limit: Duration = .seconds(30), file: StaticString = #fileID, line: Int = #line
  ) async throws {
    do {
      try await eventually("\(jobs) jobs are left", within: limit, file: file, line: line) {
        try server.jobs().all == jobs
      }
    } catch let error as NeverHappened {
      let left = ((try? server.everyJob()) ?? []).prefix(20).map { "\($0.id) \($0.state) in \($0.tube)" }
      throw StillThere(
        description: "\(error); left: \(left.joined(separator: ", "))\n\(log("info"))\n\(log("warn"))\n\(log("error"))")
    }
  }
}

/// The system isn't how the test needs it.
struct StillThere: Error, CustomStringConvertible {
  let description: String
}
