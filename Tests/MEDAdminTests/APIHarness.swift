import Foundation
import Logging
import MEDCore
import MEDLoop
import MEDTestSupport
import ServiceLifecycle

@testable import MEDAdmin

/// An API over a dispatcher that doesn't run: what needs the engine is answered with 503, everything else is real.
struct APIHarness: Sendable {
  static let token = "correct-horse"
  /// A machine that runs other tests may keep a client waiting.
  static let patience = Duration.seconds(60)

  var access: AccessRules? = AccessRules(token: token, isOpenToOthers: false)
  var limits = Self.patientLimits
  var change: @Sendable (inout AdminAPI.Sources) -> Void = { _ in }

  /// Other tests may keep the threads busy that the server needs.
  private static var patientLimits: AdminLimits {
    var limits = AdminLimits.forAPI
    limits.exchange *= Patience.factor
    return limits
  }

  private static let mainQueue = TubeName("main")!

  static func sources(cleaner: (any QueueCleaner)? = nil) -> AdminAPI.Sources {
    let dispatcher = Dispatcher(
      configuration: .init(mainQueue: mainQueue), queue: NoQueue(), pusher: NoPusher(),
      subscriptions: FixedSubscriptions([]), dataLog: MemoryDataLog())
    let control = Control(
      dispatcher, store: nil, queueServers: [QueueServerAddress(host: "127.0.0.1")], cleaner: cleaner,
      failures: NoFailures(),
      logger: silent)
    return AdminAPI.Sources(
      control: control, dispatcher: dispatcher, queues: NoQueues(), configuration: { ["file": "x"] })
  }

  static var silent: Logger { Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }) }

  /// Runs a server on a port of its own for as long as `body` takes, then stops it.
  func run(_ body: @escaping @Sendable (UInt16) async throws -> Void) async throws {
    var sources = Self.sources()
    change(&sources)
    let server = AdminServer(
      "[Admin] Addr", host: "127.0.0.1", port: 0, groups: [AdminAPI(sources)], access: access, limits: limits,
      logger: Self.silent)
    try await serve(server, within: Self.patience, body)
  }

  /// GET, with the token.
  static func send(_ port: UInt16, _ path: String, token: String? = token) throws -> PlainHTTP.Response {
    try send("GET", port, path, token: token)
  }

  /// One request with the token.
  @discardableResult
  static func send(
    _ method: String, _ port: UInt16, _ path: String, _ body: String? = nil, token: String? = token,
    headers: [(String, String)] = []
  ) throws -> PlainHTTP.Response {
    var fields = headers
    if let token { fields.append(("Authorization", "Bearer \(token)")) }
    if body != nil, !headers.contains(where: { $0.0 == "Content-Type" }) {
      fields.append(("Content-Type", "application/json"))
    }
    return try PlainHTTP.send(
      method, port: port, path: path, headers: fields, body: Array((body ?? "").utf8), timeout: patience)
  }
}

extension PlainHTTP.Response {
  var json: JSONValue? { try? JSONValue(parsing: body) }

  /// Of an error.
  var code: String? {
    guard case .string(let code) = json?["error"]?["code"] else { return nil }
    return code
  }

  var message: String {
    guard case .string(let message) = json?["error"]?["message"] else { return "" }
    return message
  }

  func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}

/// Runs a server as a process does, until `body` has ended.
func serve(
  _ server: AdminServer, within patience: Duration, _ body: @escaping @Sendable (UInt16) async throws -> Void
) async throws {
  let port = MEDTestSupport.Locked<Int?>(nil)
  let service = RunningServer(server: server) { running in port.withLock { $0 = running } }
  let group = ServiceGroup(configuration: .init(services: [service], logger: APIHarness.silent))
  try await withThrowingTaskGroup(of: Void.self) { tasks in
    tasks.addTask { try await onThread { try await group.run() } }
    try await eventually("it listens", within: patience) { port.withLock { $0 } != nil }
    do {
      let port = UInt16(port.withLock { $0 } ?? 0)
      try await onThread { try await body(port) }
    } catch {
      await group.triggerGracefulShutdown()
      throw error
    }
    await group.triggerGracefulShutdown()
    try await tasks.waitForAll()
  }
}

private struct RunningServer: Service {
  let server: AdminServer
  let onListening: @Sendable (Int) -> Void

  func run() async throws { try await server.run(onListening: onListening) }
}

// MARK: Parts that do nothing

private struct NoQueue: MessageQueue {
  func open(on actor: isolated LoopActor) -> [any QueueServer] { [] }
}

private struct NoPusher: Pusher {
  private final class Session: PushSession {
    func push(_ request: PushRequest) async -> PushAnswer { .failed(PushFailure(.cancelled, "nothing is pushed")) }
    func close() async {}
  }

  func open(on actor: isolated LoopActor) -> any PushSession { Session() }
}

private struct NoFailures: FailureLogReader {
  func failures(_ query: FailureQuery) async throws(StoreError) -> FailurePage { FailurePage(records: [], next: nil) }
  func failure(_ id: Int) async throws(StoreError) -> FailureRecord? {
    guard id < 100 else { return nil }
    var record = FailureRecord()
    record.id = id
    record.state = id == 1 ? .open : id == 2 ? .delivered : .givenUp
    record.message = id == 3 ? #"{"a":[1.0,123456789012345678901]}"# : id == 4 ? "not JSON" : nil
    return record
  }
}

/// Remembers what it was asked for.
final class NotingCleaner: QueueCleaner {
  let requests = MEDTestSupport.Locked<[CleanRequest]>([])

  func begin(_ request: CleanRequest) async throws(ControlError) { requests.withLock { $0.append(request) } }
}

struct NoQueues: AdminQueues {
  var results: [AdminKickResult] = []

  func page(_ query: AdminQueueQuery) async -> AdminQueuePage {
    var page = AdminQueuePage()
    page.servers = [.init(address: "127.0.0.1:11300")]
    page.servers[0].failure = "it can't be reached"
    return page
  }

  func kick(_ request: AdminKick) async throws(ControlError) -> [AdminKickResult] { results }
}
