import Logging
import MEDCore

/// From a list to a list of this process.
extension RedisRecoverLists {
  /// Takes from what has waited longest: own lists first, then the recover lists in turn.
  /// - Returns: none if that one has nothing any more.
  func takeFromNext(_ limit: Int) async throws -> [RecoverEntry] {
    if let leftover = leftovers.popFirst() {
      do {
        return try await take(limit, from: leftover.key, of: leftover.list, isOwn: true)
      } catch {
        leftovers.append(leftover)
        throw error
      }
    }
    guard let list = lists.popFirst() else { return [] }
    // Until it is known to be empty it has its place at the end.
    lists.append(list)
    return try await take(limit, from: list, of: list, isOwn: false)
  }

  private func take(_ limit: Int, from source: [UInt8], of list: [UInt8], isOwn: Bool) async throws -> [RecoverEntry] {
    guard let length = try await client.pipeline([RedisCommand("LLEN", source)]).first else { return [] }
    if let refusal = length.error { return try await react(to: refusal, limit, source, list, isOwn) }
    let limit = min(limit, Int(clamping: length.integer ?? 0))
    guard limit > 0 else {
      forget(source)
      return []
    }
    let key = nextKey(of: list)
    let holder = number
    let command =
      knowsMove
      ? RedisCommand("LMOVE", source, key, Array("RIGHT".utf8), Array("LEFT".utf8))
      : RedisCommand("RPOPLPUSH", source, key)
    let answers: [RedisValue]
    do throws(RedisError) {
      answers = try await client.pipeline(Array(repeating: command, count: limit))
    } catch {
      try await keep(key, of: list, limit, error)
      throw error
    }
    let moved = answers.compactMap(\.bytes)
    let refusal = answers.lazy.compactMap(\.error).first
    if moved.isEmpty, let refusal { return try await react(to: refusal, limit, source, list, isOwn) }
    if strangers.remove(source) != nil {
      logger.info("a key that was no list is one now", metadata: [LogKey.list: "\(Self.text(source))"])
    }
    // Whether there is more will be seen when it has its turn again.
    if isOwn { leftovers.append(Leftover(key: source, list: list)) }
    guard !moved.isEmpty else { return [] }
    holders[holder] = ListHolder(key: key, list: list, entries: moved)
    return entries(moved, of: list, in: holder)
  }

  private func entries(_ bytes: [[UInt8]], of list: [UInt8], in holder: Int) -> [RecoverEntry] {
    let name = Self.text(list)
    return bytes.map { RecoverEntry(list: name, holder: holder, bytes: $0) }
  }

  private func forget(_ source: [UInt8]) {
    guard knownLists.remove(source) != nil else { return }
    lists.removeAll { $0 == source }
  }

  /// A batch that got no answer: whatever of it was moved lies in `key`, and is read from there.
  private func keep(_ key: [UInt8], of list: [UInt8], _ limit: Int, _ error: RedisError) async throws {
    switch error.code {
    case .unavailable, .closed, .refused: return
    case .unanswered, .malformed: break
    case .tooLarge:
      // One alone can't be read at all: nobody could put it either. It mustn't stand in the way of the others.
      guard limit == 1 else { break }
      let aside = names.aside(number, of: list)
      guard try await client.send(RedisCommand("RENAMENX", key, aside)).integer == 1 else { break }
      setAside += 1
      logger.error(
        "an entry of a recover list is too large to be read; it was put aside",
        metadata: [LogKey.list: "\(Self.text(aside))", LogKey.error: "\(error)"])
      return
    }
    if leftovers.count < Self.maximumLeftovers { leftovers.append(Leftover(key: key, list: list)) }
  }

  // MARK: Refusals

  private func react(
    to refusal: RedisServerError, _ limit: Int, _ source: [UInt8], _ list: [UInt8], _ isOwn: Bool
  ) async throws -> [RecoverEntry] {
    switch refusal.kind {
    case .wrongType:
      forget(source)
      if strangers.count < Self.maximumStrangers, strangers.insert(source).inserted {
        logger.warning(
          "a key is named like a recover list and is none", metadata: [LogKey.list: "\(Self.text(source))"])
      }
      return []
    case .outOfMemory:
      return try await takeInPlace(limit, from: source, of: list, isOwn: isOwn)
    default:
      throw RedisError(.refused, refusal.message, server: refusal)
    }
  }

  /// A server without memory moves nothing, yet only removing makes room: the whole list is renamed, which is allowed, and
  /// worked through where it lies.
  private func takeInPlace(
    _ limit: Int, from source: [UInt8], of list: [UInt8], isOwn: Bool
  ) async throws -> [RecoverEntry] {
    var key = source
    if !isOwn {
      key = nextKey(of: list)
      forget(source)
      do throws(RedisError) {
        guard try await client.send(RedisCommand("RENAMENX", source, key)).integer == 1 else { return [] }
      } catch {
        // Gone, or renamed without an answer: found again by its name.
        guard error.code == .refused, error.server?.isAboutServer != true else { throw error }
        return []
      }
    }
    let leftover = Leftover(key: key, list: list)
    number += 1
    let holder = number
    let found: [[UInt8]]
    do throws(RedisError) {
      let range = RedisCommand("LRANGE", key, Array("-\(limit)".utf8), Array("-1".utf8))
      found = try await client.send(range).array?.compactMap(\.bytes) ?? []
    } catch {
      if !isOwn { leftovers.append(leftover) }
      throw error
    }
    guard !found.isEmpty else { return [] }
    holders[holder] = ListHolder(key: key, list: list, entries: found, isPartial: true)
    return entries(found.reversed(), of: list, in: holder)
  }

  /// Names are bytes; people see text.
  static func text(_ name: [UInt8]) -> String { String(decoding: name.prefix(300), as: UTF8.self) }
}
