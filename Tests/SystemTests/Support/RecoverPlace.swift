import Foundation
import MEDTestSupport

/// A dispatcher with recover lists in a Redis of its own, one subscriber, and an account of where each message is.
final class RecoverPlace: Sendable {
  static let prefix = "mec_list_of_msg_for_restore_to_queue_server:"

  let redis: RedisServer
  /// In front of ``redis``; what the dispatcher uses.
  let proxy: FaultProxy
  let system: SystemHarness
  /// The job ids in the main queue under which each message was delivered: more than one if it was put more than once.
  private let delivered = Locked<[Int: Set<String>]>([:])

  /// - Parameter redisOptions: more lines of [Redis].
  init(
    settings: [String: String] = [:], redisOptions: String = "", maxJobSize: Int = 1_048_576,
    keepsData: Bool = false
  ) async throws {
    redis = try await RedisServer.start(keepsData: keepsData)
    proxy = try FaultProxy(to: redis.port)
    system = try await SystemHarness.start(
      maxJobSize: maxJobSize, settings: settings,
      tables: "[Redis]\nAddr = \"\(proxy.address)\"\n" + redisOptions, throughProxy: true)
    try await system.subscribe(parameters: ["Concurrency": "10"]) { [delivered] request in
      if let number = MessageMark.find(in: request.body), let id = request.field("jobid") {
        delivered.withLock { _ = $0[number, default: []].insert(id) }
      }
      return .accept
    }
  }

  /// As a producer that found no queue server: the message in a msgpack string.
  static func entry(_ number: Int) -> [UInt8] {
    let message = SystemHarness.message(number)
    return MsgpackValue.bytes([0xda, UInt8(message.count >> 8), UInt8(message.count & 0xff)] + message).encoded
  }

  func push(_ numbers: Range<Int>, list: String = "1") throws {
    var rest = numbers
    while !rest.isEmpty {
      let part = rest.prefix(500)
      try push(part.map { Self.entry($0) }, list: list)
      rest = part.upperBound..<rest.upperBound
    }
    system.ledger.published(numbers, topic: SystemHarness.topic)
  }

  func push(_ entries: [[UInt8]], list: String = "1") throws {
    _ = try redis.command([Array("LPUSH".utf8), Array((Self.prefix + list).utf8)] + entries)
  }

  /// What is put stays in the main queue from now on, so that it is known what is there and how often.
  /// - Returns: what keeps it so while nothing is there and nobody watches.
  func pauseMainQueue() throws -> PlainBeanstalk {
    let keeper = try system.server.client(timeout: .seconds(30))
    for command in ["use \(SystemHarness.mainQueue)", "pause-tube \(SystemHarness.mainQueue) 3600"] {
      _ = try keeper.ask(command)
    }
    return keeper
  }

  /// How often messages are in the queue server beyond the first time.
  func copiesBeyondFirst() throws -> Int {
    let numbers = try system.server.everyJob().compactMap { MessageMark.find(in: $0.body) }
    return numbers.count - Set(numbers).count
  }

  // MARK: Accounting

  /// Where messages are, by number.
  struct Found {
    /// On recover lists.
    var listed: Set<Int> = []
    /// On lists of processes.
    var inHand: Set<Int> = []
    /// In the queue server.
    var queued: Set<Int> = []
    var delivered: Set<Int> = []
    var recorded: Set<Int> = []

    var all: Set<Int> { listed.union(inHand).union(queued).union(delivered).union(recorded) }
  }

  func find() throws -> Found {
    var found = Found()
    for key in try redis.command("KEYS", "*") where try redis.command("TYPE", key) == ["list"] {
      let numbers = try redis.command("LRANGE", key, "0", "-1").compactMap { MessageMark.find(in: Array($0.utf8)) }
      if key.hasPrefix(Self.prefix) { found.listed.formUnion(numbers) } else { found.inHand.formUnion(numbers) }
    }
    found.queued = Set(try system.server.everyJob().compactMap { MessageMark.find(in: $0.body) })
    found.delivered = Set(delivered.withLock { $0.keys })
    found.recorded = Set(system.records.compactMap { MessageMark.find(in: $0.payload) })
    return found
  }

  /// How often messages were put into the main queue beyond the first time, as far as subscribers saw it.
  var putAgain: Int { delivered.withLock { $0.values.reduce(0) { $0 + $1.count - 1 } } }
  var deliveredCount: Int { delivered.withLock { $0.count } }

  /// Entries on lists, of whoever.
  func entriesLeft() throws -> Int {
    try redis.command("KEYS", "*:*").filter { !$0.contains(":alive:") }.reduce(0) { count, key in
      count + (Int(try redis.command("LLEN", key).first ?? "") ?? 0)
    }
  }

  /// As if the time of a dead process had passed.
  func forgetProcesses() throws {
    for key in try redis.command("KEYS", "*:alive:*") { _ = try redis.command("DEL", key) }
  }

  func waitUntilEmpty() async throws {
    try await waitUntilTaken()
    try await system.waitUntilEmpty()
  }

  /// Until nothing is on the lists any more.
  func waitUntilTaken(within limit: Duration = .seconds(60)) async throws {
    do {
      try await eventually("the lists are empty", within: limit, every: .milliseconds(20)) { try entriesLeft() == 0 }
    } catch let error as NeverHappened {
      throw StillThere(description: "\(error)\n\(system.log("info"))\n\(system.log("warn"))\n\(system.log("error"))")
    }
  }
}
