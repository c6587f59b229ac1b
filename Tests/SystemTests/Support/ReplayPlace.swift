import Foundation
import MEDTestSupport

/// A DATA log made by hand, queue servers, and a config file for medctl: nothing of the product's wrote any of it.
final class ReplayPlace: Sendable {
  static let subscription = 352
  static let channel = "order_paid/sub-queue/352"

  let directory: TemporaryDirectory
  let servers: [BeanstalkdServer]

  /// - Parameter addresses: of proxies in front of the servers, if they are to be used.
  init(_ servers: [BeanstalkdServer], addresses: [String]? = nil) throws {
    self.servers = servers
    directory = try TemporaryDirectory("replay")
    let list = (addresses ?? servers.map(\.address)).joined(separator: ",")
    try directory.write(
      """
      QueueServerAddr = "\(list)"
      LOG_DIR = "\(directory.path)"
      DATA_DIR = "\(directory.path)"
      DropMessageLogDir = "\(directory.path)"
      """, to: "config.toml")
  }

  static func start(_ count: Int = 1, maxJobSize: Int = 65_535) async throws -> ReplayPlace {
    var servers: [BeanstalkdServer] = []
    for _ in 0..<count { servers.append(try await BeanstalkdServer.start(maxJobSize: maxJobSize)) }
    return try ReplayPlace(servers)
  }

  // MARK: The log

  static func message(_ number: Int, retryTimes: UInt64? = nil, padding: Int = 0) -> [UInt8] {
    let mark = MessageMark.text(number) + String(repeating: "x", count: padding)
    return TestMessage(
      topic: "order_paid", body: .map([("id", .string(mark))]), originJobID: UInt64(number), retryTimes: retryTimes
    ).encoded
  }

  static func line(_ kind: String, _ number: Int, payload: [UInt8]?, subscription: Int? = subscription) -> String {
    var fields = ["\"queue_server\":\"127.0.0.1:1\"", "\"job_id\":\(number)", "\"reason\":\"test\""]
    if let subscription { fields += ["\"topic\":\"order_paid\"", "\"subscription\":\(subscription)"] }
    if let payload { fields.append("\"payload\":\"\(Data(payload).base64EncodedString())\"") }
    let seconds = String(format: "%02d:%02d", number / 60 % 60, number % 60)
    return "2026-11-23T04:\(seconds).000000Z \(kind) {\(fields.joined(separator: ","))}\n"
  }

  static func lines(_ numbers: Range<Int>, _ kind: String = "REDISTFAIL") -> String {
    numbers.map { line(kind, $0, payload: message($0)) }.joined()
  }

  @discardableResult
  func write(_ text: String, to name: String = "data.log") throws -> String { try directory.write(text, to: name) }

  func append(_ text: String, to name: String = "data.log") throws {
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: directory.file(name)))
    defer { try? handle.close() }
    try handle.seekToEnd()
    try handle.write(contentsOf: Data(text.utf8))
  }

  // MARK: medctl

  func medctl(_ words: [String]) async throws -> ServerProcess.Finished {
    try await ServerProcess.run(BuiltBinary.path("medctl"), words, workingDirectory: directory.path)
  }

  func replay(_ words: String...) async throws -> ServerProcess.Finished {
    try await medctl(["replay", "-f", directory.file("config.toml")] + words)
  }

  /// Starts one that the test signals.
  func startReplay(_ words: String...) throws -> ServerProcess {
    try ServerProcess(
      BuiltBinary.path("medctl"), ["replay", "-f", directory.file("config.toml")] + words,
      workingDirectory: directory.path)
  }

  // MARK: What came of it

  func jobs() throws -> [PlainJob] { try servers.flatMap { try $0.everyJob() } }

  /// How often each message is in a queue.
  func copies() throws -> [Int: Int] {
    try jobs().reduce(into: [:]) { counts, job in
      if let number = MessageMark.find(in: job.body) { counts[number, default: 0] += 1 }
    }
  }

  func count() throws -> Int { try servers.reduce(0) { try $0 + $1.jobs().all } }
}
