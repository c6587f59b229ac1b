import Foundation
import MEDTestSupport
import Testing

/// Where on the way from a recover list to the main queue the dispatcher is killed.
enum RecoverKillPoint: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case moveUnanswered = "entries are on its own list, and it doesn't know yet"
  case nothingPut = "entries are in hand and nothing is put"
  case somePut = "some of a batch are put"
  case putUnanswered = "a batch is put, and it doesn't know yet"
  case nothingRemoved = "a batch is put and nothing removed"
  case removalUnanswered = "a batch is removed, and it doesn't know yet"
  case putBackUnanswered = "entries are back on their list and not removed from its own"
  case recordWritten = "a record is on disk and its entry not removed"

  var testDescription: String { rawValue }
}

@Suite("§10 No message of a recover list is ever lost: kill -9", .showsServerOutput)
struct RecoverKillTests {
  /// As RECOVER_KILL_MESSAGES says; a full run has 100,000.
  private static let messages =
    ProcessInfo.processInfo.environment["RECOVER_KILL_MESSAGES"].flatMap { Int($0) } ?? 5_000
  private static let batch = 1_000
  private static let limit = Duration.seconds(60 + messages / 200)

  @Test(arguments: RecoverKillPoint.allCases)
  func `nothing is missing after a kill, and a batch at most comes twice`(point: RecoverKillPoint) async throws {
    let place = try await RecoverPlace()
    let numbers = 0..<Self.messages
    try place.push(numbers)
    if point == .recordWritten {
      // As many bad ones first as there are in the first batches.
      let bad = (0..<200).map { [UInt8]([0xc1]) + Array(MessageMark.text(900_000 + $0).utf8) }
      try place.push(bad, list: "0")
    }
    try await arm(point, place)
    var keeper: PlainBeanstalk? = try place.pauseMainQueue()
    try await place.system.startDispatcher()
    #expect(try await place.system.dispatcher.waitForExit(within: Self.limit) == .signal(SIGKILL))
    for proxy in [place.proxy, place.system.proxy] {
      proxy.removeAllRules()
      proxy.cutAll()
    }
    keeper = nil
    try await eventually("the servers have noticed that their client is gone") {
      try place.system.server.client().stats()["current-connections"] == "1"
        && place.redis.command("INFO", "clients").joined().contains("connected_clients:1\r")
    }
    let atKill = try place.find()
    #expect(Set(numbers).subtracting(atKill.all).isEmpty)
    expectKilled(at: point, atKill)

    if point == .putBackUnanswered {
      try await place.system.server.restart()
      keeper = try place.pauseMainQueue()
    }
    try place.forgetProcesses()
    try await place.system.startDispatcher()
    try await place.waitUntilTaken(within: Self.limit)
    let atEnd = try place.find()
    #expect(Set(numbers).subtracting(atEnd.queued).isEmpty)
    #expect(try place.copiesBeyondFirst() <= min(Self.batch, atKill.inHand.count))
    if point == .recordWritten { #expect(atEnd.recorded.count == 200) }
    #expect(try await place.system.stopDispatcher() == .code(0))
    #expect(try place.redis.command("KEYS", "*").isEmpty)
    _ = keeper
  }

  @Test func `nothing is missing after kills at any moment, of the dispatcher and of Redis`() async throws {
    let place = try await RecoverPlace(keepsData: true)
    let numbers = 0..<Self.messages
    try place.push(numbers)
    let keeper = try place.pauseMainQueue()
    let rounds = 6
    for round in 1...rounds {
      let before = try place.entriesLeft()
      try await place.system.startDispatcher()
      let count = Int.random(in: 1...(Self.messages / rounds))
      try await eventually("\(count) more are recovered", within: .seconds(30), every: .milliseconds(1)) {
        try before - place.entriesLeft() >= count || place.entriesLeft() == 0
      }
      if round % 2 == 0 {
        try await place.redis.process.crash()
        try await place.redis.start()
      }
      try await place.system.dispatcher.crash()
      try place.forgetProcesses()
      #expect(Set(numbers).subtracting(try place.find().all).isEmpty, "round \(round)")
    }
    try await place.system.startDispatcher()
    try await place.waitUntilTaken(within: Self.limit)
    #expect(Set(numbers).subtracting(try place.find().queued).isEmpty)
    #expect(try place.copiesBeyondFirst() <= rounds * Self.batch)
    #expect(try await place.system.stopDispatcher() == .code(0))
    _ = keeper
  }

  /// The kill hit where it should: what lies where says so.
  private func expectKilled(at point: RecoverKillPoint, _ found: RecoverPlace.Found) {
    let beyond = found.queued
    switch point {
    case .moveUnanswered: #expect(!found.inHand.isEmpty && found.inHand.isDisjoint(with: beyond))
    case .nothingPut: #expect(!found.inHand.isEmpty && beyond.isDisjoint(with: found.inHand))
    case .somePut:
      #expect(!found.inHand.isSubset(of: beyond) && !found.inHand.isDisjoint(with: beyond))
    case .putUnanswered, .nothingRemoved: #expect(!found.inHand.isEmpty && found.inHand.isSubset(of: beyond))
    case .removalUnanswered: #expect(found.inHand.isEmpty && !beyond.isEmpty && !found.listed.isEmpty)
    case .putBackUnanswered: #expect(!found.inHand.isEmpty && found.inHand.isSubset(of: found.listed))
    case .recordWritten: #expect(!found.inHand.isDisjoint(with: found.recorded))
    }
  }

  // MARK: Kill points

  private func arm(_ point: RecoverKillPoint, _ place: RecoverPlace) async throws {
    switch point {
    case .moveUnanswered: killAtReply(after: "LMOVE", Self.before + 2, place)
    case .nothingPut: killBeforePut(place)
    case .somePut: killAmidPuts(place)
    case .putUnanswered: killAtLastInserted(place)
    case .nothingRemoved: killBefore("LREM", Self.before + 1, place)
    case .removalUnanswered: killAtReply(after: "LREM", Self.before + 1, place)
    case .putBackUnanswered:
      try await place.system.server.drain()
      killBefore("LREM", 1, place)
    case .recordWritten: killAfterRecord(place)
    }
  }

  /// Before the piece goes on that has the command for the n-th time.
  private func killBefore(_ command: String, _ number: Int, _ place: RecoverPlace) {
    let commands = StreamCount("\r\n\(command)\r\n")
    place.proxy.add(
      .custom(.toServer) { piece in
        guard commands.add(piece).count >= number else { return .forward }
        place.system.kill()
        return .drop
      })
  }

  /// When the server has done the n-th such command, and its answer is on the way.
  private func killAtReply(after command: String, _ number: Int, _ place: RecoverPlace) {
    let commands = StreamCount("\r\n\(command)\r\n")
    place.proxy.add(
      .custom(.toServer) { piece in
        commands.add(piece)
        return .forward
      })
    place.proxy.add(
      .custom(.toClient) { _ in
        guard commands.count >= number else { return .forward }
        place.system.kill()
        return .drop
      })
  }

  /// Batches have 1, 2, 4 … entries: this is how many were taken before the seventh, which has 64.
  private static let before = 63

  /// How often LMOVE was sent; once more than there are moves, since the server is asked whether it knows it.
  private func batchCount(_ place: RecoverPlace) -> StreamCount {
    let moves = StreamCount("\r\nLMOVE\r\n")
    place.proxy.add(
      .custom(.toServer) { piece in
        moves.add(piece)
        return .forward
      })
    return moves
  }

  private func killBeforePut(_ place: RecoverPlace) {
    let moves = batchCount(place)
    place.system.proxy.add(
      .custom(.toServer) { piece in
        guard moves.count > Self.before + 1, piece.contains("put ") else { return .forward }
        place.system.kill()
        return .drop
      })
  }

  /// The queue server gets ten of the batch and no more, and has done them when the kill comes.
  private func killAmidPuts(_ place: RecoverPlace) {
    let moves = batchCount(place)
    let isCut = Locked(false)
    place.system.proxy.add(
      .custom(.toServer) { piece in
        if isCut.withLock({ $0 }) { return .drop }
        guard moves.count > Self.before + 1, let end = StreamCount("put 1024 ").add(piece, wanted: 11).start else {
          return .forward
        }
        isCut.withLock { $0 = true }
        return .replace(Array(piece[..<end]))
      })
    let inserted = StreamCount("INSERTED ")
    place.system.proxy.add(
      .custom(.toClient) { piece in
        guard inserted.add(piece).count >= Self.before + 10 else { return .forward }
        place.system.kill()
        return .drop
      })
  }

  private func killAtLastInserted(_ place: RecoverPlace) {
    let inserted = StreamCount("INSERTED ")
    place.system.proxy.add(
      .custom(.toClient) { piece in
        let count = inserted.add(piece).count
        guard count > Self.before else { return .forward }
        if count >= 2 * Self.before + 1 { place.system.kill() }
        return .drop
      })
  }

  private func killAfterRecord(_ place: RecoverPlace) {
    let lists = StreamCount("\r\nLREM\r\n")
    place.proxy.add(
      .custom(.toServer) { piece in
        guard lists.add(piece).count > 0, place.system.log("data").contains("RECOVFAILDECODE") else { return .forward }
        place.system.kill()
        return .drop
      })
  }
}
