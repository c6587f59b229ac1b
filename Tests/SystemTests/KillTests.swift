import Foundation
import MEDTestSupport
import Testing

/// Where on a message's way the dispatcher is killed.
enum KillPoint: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case firstReserved = "the first job is reserved and nothing else known"
  case reserved = "jobs are reserved"
  case buried = "jobs are buried"
  case someCopies = "two of three copies are put"
  case allCopies = "all copies are put"
  case pushSent = "a push is sent"
  case answerRead = "an answer is read and nothing is deleted"
  case retryPut = "a retry is put"
  case recordWritten = "an EXHAUSTED record is in the file"
  case recordSynced = "an EXHAUSTED record is synced and nothing is deleted"
  case deleteSent = "a delete is done and not answered"

  var testDescription: String { rawValue }

  /// Whether there is such a point when jobs stay reserved.
  var existsReserved: Bool { self != .buried }
  /// Whether all pushes are given up at once.
  var givesUp: Bool { self == .recordWritten || self == .recordSynced }
}

@Suite("§1 No message is ever lost: kill -9", .showsServerOutput)
struct KillTests {
  private static let messages = 200
  private static let subscriptions = 3

  @Test(arguments: KillPoint.allCases)
  func `nothing is missing after a kill, amender and a restart`(point: KillPoint) async throws {
    try await kill(at: point, state: "buried")
  }

  @Test(arguments: KillPoint.allCases.filter(\.existsReserved))
  func `nothing is missing after a kill and a restart when jobs stay reserved`(point: KillPoint) async throws {
    try await kill(at: point, state: "reserved")
  }

  private func kill(at point: KillPoint, state: String) async throws {
    let system = try await SystemHarness.start(
      settings: [
        "MaxRetryTimesOfSendingMessage": point.givesUp ? "0" : "10", "InFlightState": "\"\(state)\"",
      ], throughProxy: true)
    let requests = Locked(0)
    let isKilled = Locked(false)
    for _ in 0..<Self.subscriptions {
      try await system.subscribe { request in
        // The first ones alone, so that there is work left when a record has been seen.
        if point.givesUp {
          let isFast = request.number <= 20 || isKilled.withLock { $0 }
          return .refuse(isFast ? .status(500) : .status(500).delayed(.seconds(3)))
        }
        if point == .retryPut, request.field("retry_times") == "0" { return .refuse(.status(500)) }
        let number = requests.withLock { count in
          count += 1
          return count
        }
        guard point == .pushSent, number == 50 else { return .accept }
        system.kill()
        return .refuse(.hang)
      }
    }
    try system.publish(0..<Self.messages)
    arm(point, system)
    try await system.startDispatcher()
    if point == .recordWritten {
      try await eventually("a record is written", within: .seconds(20), every: .milliseconds(1)) {
        system.log("data").contains("EXHAUSTED")
      }
      system.kill()
    }
    #expect(try await system.dispatcher.waitForExit(within: .seconds(30)) == .signal(SIGKILL))
    isKilled.withLock { $0 = true }
    system.proxy.removeAllRules()
    system.proxy.cutAll()

    try await eventually("the server has noticed that its clients are gone") {
      try system.server.client().stats()["current-connections"] == "1"
    }
    let atKill = try system.whereabouts()
    #expect(system.missing(atKill).isEmpty)
    let owned = state == "buried" ? atKill.buried : atKill.takenOnce
    try expectKilled(at: point, system, atKill, owned)

    if state == "buried" { #expect(try await system.amend().status == .code(0)) }
    #expect(try system.server.jobs().buried == 0)
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    let atEnd = try system.whereabouts()
    #expect(system.missing(atEnd).isEmpty)
    if !point.givesUp { #expect(system.ledger.accepted == system.ledger.expected) }
    // Only what was in hand may come twice.
    #expect(system.ledger.duplicates.subtracting(owned).isEmpty)
    #expect(try await system.stopDispatcher() == .code(0))
  }

  /// The kill hit where it should: what is known of the server and the subscribers says so.
  private func expectKilled(
    at point: KillPoint, _ system: SystemHarness, _ found: Whereabouts, _ owned: Set<Delivery>
  ) throws {
    let stats = try system.server.client().stats()
    let accepted = system.ledger.accepted
    switch point {
    case .firstReserved: #expect(stats["cmd-bury"] == "0" && stats["cmd-delete"] == "0")
    case .reserved: #expect(stats["cmd-bury"] != "0" || !owned.isEmpty)
    case .buried: #expect(!found.buried.isEmpty)
    case .someCopies: #expect(stats["cmd-put"] == "\(Self.messages + 20)")
    case .allCopies: #expect(!owned.isEmpty && stats["cmd-put"] != "\(Self.messages)")
    case .pushSent:
      let unanswered = Set(system.ledger.received.keys).subtracting(accepted)
      #expect(!unanswered.isEmpty && unanswered.isSubset(of: owned))
    case .answerRead: #expect(!accepted.isEmpty && accepted.isSubset(of: owned))
    case .retryPut: #expect(found.retried > 0 && !owned.isEmpty)
    case .recordWritten: #expect(!found.recorded.isEmpty && !owned.isEmpty)
    case .recordSynced: #expect(!found.recorded.isEmpty && found.recorded.isSubset(of: owned))
    case .deleteSent: #expect(!accepted.isSubset(of: found.queued))
    }
  }

  @Test(arguments: ["buried", "reserved"])
  func `nothing is missing after kills at any moment, with failures and deaths of the queue server`(
    state: String
  ) async throws {
    let server = try await BeanstalkdServer.start(binlog: true, extraArguments: ["-f", "0"])
    let system = try SystemHarness(server, settings: ["InFlightState": "\"\(state)\""])
    for _ in 0..<Self.subscriptions {
      try await system.subscribe { request in
        // One first push in five fails; none a second time.
        request.field("retry_times") == "0" && request.number % 5 == 0
          ? .refuse(.status(500)) : .accept(after: .milliseconds(10))
      }
    }
    try system.publish(0..<400)
    for round in 1...6 {
      let before = system.receiver.count()
      try await system.startDispatcher()
      let pushes = Int.random(in: 1...100)
      try await eventually("\(pushes) more pushes", within: .seconds(20), every: .milliseconds(1)) {
        try system.receiver.count() >= before + pushes || server.jobs().all == 0
      }
      if round % 3 == 0 {
        try await server.crash()
        try await server.start()
      }
      try await system.dispatcher.crash()
      try await eventually("the server has noticed that its client is gone") {
        try server.client().stats()["current-connections"] == "1"
      }
      #expect(try system.missing().isEmpty, "round \(round)")
      if state == "buried" { #expect(try await system.amend().status == .code(0)) }
    }
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(try await system.stopDispatcher() == .code(0))
  }

  /// The ids of the published jobs are 1 … 200 on a fresh server: what has a higher one is a copy.
  private static func isCopy(_ id: Int) -> Bool { id > messages }

  private func arm(_ point: KillPoint, _ system: SystemHarness) {
    switch point {
    case .firstReserved: kill(atReply: "RESERVED ", 1, system)
    case .reserved: kill(atReply: "RESERVED ", 60, system)
    case .buried: kill(atReply: "BURIED\r\n", 20, system)
    case .someCopies: killAfterSomePuts(system)
    case .allCopies: kill(atReply: "INSERTED ", 60, system)
    case .pushSent, .recordWritten: break
    case .answerRead, .recordSynced: killBeforeDelete(system)
    case .retryPut: killAfterRetryPut(system)
    case .deleteSent: killAfterDelete(system)
    }
  }

  /// Kills before the reply with that number is forwarded.
  private func kill(atReply text: String, _ number: Int, _ system: SystemHarness) {
    let replies = StreamCount(text)
    system.proxy.add(
      .custom(.toClient) { piece in
        guard replies.add(piece).count >= number else { return .forward }
        system.kill()
        return .drop
      })
  }

  /// The server gets 20 puts, two of the three copies of the seventh message, and has done them when the kill comes.
  private func killAfterSomePuts(_ system: SystemHarness) {
    let puts = StreamCount("put 1024 ")
    system.proxy.add(
      .custom(.toServer) { piece in
        if puts.count > 20 { return .drop }
        guard let start = puts.add(piece, wanted: 21).start else { return .forward }
        return .replace(Array(piece[..<start]))
      })
    kill(atReply: "INSERTED ", 20, system)
  }

  private func killBeforeDelete(_ system: SystemHarness) {
    system.proxy.add(
      .custom(.toServer) { piece in
        guard piece.deletedJobs.contains(where: Self.isCopy) else { return .forward }
        system.kill()
        return .drop
      })
  }

  /// Kills when the first put with a delay has been answered. One connection carries all puts.
  private func killAfterRetryPut(_ system: SystemHarness) {
    let puts = StreamCount("put 1024 ")
    let inserted = StreamCount("INSERTED ")
    let retry = Locked(Int.max)
    system.proxy.add(
      .custom(.toServer) { piece in
        let before = puts.count
        puts.add(piece)
        let delayed = piece.firstRange(of: Array("put 1024 1 ".utf8))
        retry.withLock { retry in
          guard let delayed, retry == .max else { return }
          retry = before + StreamCount("put 1024 ").add(Array(piece[..<delayed.upperBound])).count
        }
        return .forward
      })
    system.proxy.add(
      .custom(.toClient) { piece in
        guard inserted.add(piece).count >= retry.withLock({ $0 }) else { return .forward }
        system.kill()
        return .drop
      })
  }

  private func killAfterDelete(_ system: SystemHarness) {
    let isSent = Locked(false)
    system.proxy.add(
      .custom(.toServer) { piece in
        if piece.deletedJobs.contains(where: Self.isCopy) { isSent.withLock { $0 = true } }
        return .forward
      })
    system.proxy.add(
      .custom(.toClient) { piece in
        guard isSent.withLock({ $0 }), piece.contains("DELETED\r\n") else { return .forward }
        system.kill()
        return .drop
      })
  }
}
