import Logging
import MEDCore

/// What happens to entries in hand.
extension RedisRecoverLists {
  /// By LREM, from the end where the oldest are.
  public func remove(_ entries: [RecoverEntry]) async throws {
    defer { updateCondition() }
    for entry in entries { holders[entry.holder]?.finish(entry.bytes) }
    let present = entries.filter { holders[$0.holder] != nil }
    try await remove(
      present.map { (holder: $0.holder, entry: $0.bytes, count: 1) })
  }

  private func remove(_ removals: [(holder: Int, entry: [UInt8], count: Int)]) async throws {
    let commands = removals.compactMap { removal in
      holders[removal.holder].map { holder in
        RedisCommand("LREM", holder.key, Array("-\(removal.count)".utf8), removal.entry)
      }
    }
    guard commands.count == removals.count, !commands.isEmpty else { return }
    let answers = try await client.pipeline(commands)
    var lost = 0
    var refusal: RedisServerError?
    for (removal, answer) in zip(removals, answers) {
      switch answer {
      case .integer(let count):
        lost += max(0, removal.count - Int(clamping: count))
        for _ in 0..<removal.count { holders[removal.holder]?.removed(removal.entry) }
      case .error(let error): refusal = error
      default: refusal = RedisServerError("LREM has another answer than it should".utf8)
      }
    }
    if lost > 0 {
      logger.warning(
        "entries in hand were gone from the list of this process: others may have taken them up, and put them again",
        metadata: [LogKey.count: "\(lost)"])
    }
    close(removals.map(\.holder))
    if let refusal { throw RedisError(.refused, refusal.message, server: refusal) }
  }

  /// Forgets lists that are done with.
  private func close(_ numbers: [Int]) {
    for number in Set(numbers) {
      guard let holder = holders[number], holder.isOver else { continue }
      holders[number] = nil
      if holder.isPartial { leftovers.append(Leftover(key: holder.key, list: holder.list)) }
    }
  }

  /// Removals that got no answer. What the list still has says which of them were done.
  func removeFinished() async throws {
    for (number, holder) in holders where !holder.finished.isEmpty {
      if holder.isPartial {
        // It may have more that is equal and isn't in hand: read again, and put twice at the worst.
        holders[number]?.forgetFinished()
        close([number])
        continue
      }
      let range = RedisCommand("LRANGE", holder.key, Array("0".utf8), Array("-1".utf8))
      let present = try await client.send(range).array?.compactMap(\.bytes) ?? []
      let removals = holder.removals(from: present)
      try await remove(removals.map { (holder: number, entry: $0.entry, count: $0.count) })
      holders[number]?.forgetFinished()
      close([number])
    }
  }

  /// First there, then no more here: killed between, it is in both.
  public func putBack(_ entries: [RecoverEntry]) async throws -> [String?] {
    let known = entries.map { holders[$0.holder] }
    let commands = zip(entries, known).map { entry, holder in
      RedisCommand("RPUSH", holder?.list ?? Array(entry.list.utf8), entry.bytes)
    }
    let answers = try await client.pipeline(commands)
    if let error = answers.lazy.compactMap(\.error).first(where: \.isAboutServer) {
      throw RedisError(.refused, error.message, server: error)
    }
    let reasons = answers.map { $0.error?.message }
    let back = zip(entries, reasons).filter { $0.1 == nil }.map(\.0)
    // Remembered if it fails.
    try? await remove(back)
    return reasons
  }
}
