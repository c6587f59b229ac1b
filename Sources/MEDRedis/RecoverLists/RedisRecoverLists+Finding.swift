import Logging
import MEDCore

/// Which lists there are, and who lives.
extension RedisRecoverLists {
  /// Before anything is taken: this process is known to live, and it is known what the server can do.
  func prepare() async throws {
    if let shownAlive, ContinuousClock.now - shownAlive < Self.lifetime / 4, await client.connections == connection {
      return
    }
    try await showAlive()
    let present = await client.connections
    guard present != connection else { return }
    // Since Redis 6.2. A server that doesn't say has the older command in any case.
    let answer = try await client.pipeline([RedisCommand("COMMAND", text: "INFO", "LMOVE")]).first
    knowsMove = answer?.array?.first?.array?.isEmpty == false
    listScan.begin(now: .now)
    holderScan.begin(now: .now)
    connection = present
  }

  func showAlive() async throws {
    let seconds = "\(Self.lifetime.components.seconds)"
    let alive = names.alive
    let began = ContinuousClock.now
    let set = RedisCommand("SET", alive, [UInt8(ascii: "1")], Array("EX".utf8), Array(seconds.utf8))
    do throws(RedisError) {
      _ = try await client.send(set)
    } catch {
      // A server without memory sets no key, but renews one.
      guard error.server?.kind == .outOfMemory else { throw error }
      _ = try await client.send(RedisCommand("EXPIRE", alive, Array(seconds.utf8)))
    }
    shownAlive = began
  }

  /// One step of each search that is due.
  func find() async throws {
    if listScan.due <= .now {
      for name in try await nextLists() where name.starts(with: names.prefix) {
        guard lists.count < Self.maximumLists, knownLists.insert(name).inserted else { continue }
        lists.append(name)
      }
    }
    if holderScan.due <= .now { try await takeUp(try await nextHolders()) }
  }

  private func nextLists() async throws -> [[UInt8]] {
    let began = ContinuousClock.now
    let answer = try await client.send(listScan.command)
    return try Self.found(listScan.took(answer, began: began, now: .now))
  }

  private func nextHolders() async throws -> [[UInt8]] {
    let began = ContinuousClock.now
    let answer = try await client.send(holderScan.command)
    return try Self.found(holderScan.took(answer, began: began, now: .now))
  }

  private static func found(_ names: [[UInt8]]?) throws(RedisError) -> [[UInt8]] {
    guard let names else { throw RedisError(.malformed, "SCAN has another answer than it should") }
    return names
  }

  /// Of what was found, the lists of processes that don't live, and those of this one that it has forgotten.
  private func takeUp(_ keys: [[UInt8]]) async throws {
    var found: [(key: [UInt8], holder: RecoverListNames.Holder)] = []
    for key in keys where leftovers.count + found.count < Self.maximumLeftovers {
      if let holder = names.holder(key) { found.append((key, holder)) }
    }
    for item in found where item.holder.process == names.process && !isKnown(item.key) {
      leftovers.append(Leftover(key: item.key, list: item.holder.list))
    }
    let others = Set(found.map(\.holder.process)).subtracting([names.process]).sorted()
    guard !others.isEmpty else { return }
    let answers = try await client.pipeline(others.map { RedisCommand("EXISTS", names.alive($0)) })
    let dead = Set(zip(others, answers).filter { $0.1.integer == 0 }.map(\.0))
    var count = 0
    for item in found where dead.contains(item.holder.process) {
      if try await takeUp(item.key, of: item.holder.list) { count += 1 }
    }
    guard count > 0 else { return }
    adopted += UInt64(count)
    logger.info(
      "took up messages that a process without a sign of life had in hand", metadata: [LogKey.count: "\(count)"])
  }

  /// - Returns: false: somebody else was first.
  private func takeUp(_ key: [UInt8], of list: [UInt8]) async throws -> Bool {
    let own = nextKey(of: list)
    do throws(RedisError) {
      guard try await client.send(RedisCommand("RENAMENX", key, own)).integer == 1 else { return false }
    } catch {
      guard error.code == .refused else {
        // Perhaps it has our name by now: found again by its name.
        throw error
      }
      if error.server?.isAboutServer == true { throw error }
      return false
    }
    leftovers.append(Leftover(key: own, list: list))
    return true
  }

  func nextKey(of list: [UInt8]) -> [UInt8] {
    number += 1
    return names.holder(number, of: list)
  }

  private func isKnown(_ key: [UInt8]) -> Bool {
    leftovers.contains { $0.key == key } || holders.values.contains { $0.key == key }
  }
}
