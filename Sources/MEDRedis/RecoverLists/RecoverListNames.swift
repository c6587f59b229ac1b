import Foundation

/// The names of everything that one process has in Redis besides the recover lists themselves.
///
/// `<base>list:<process>:<number>:<recover list>` holds what is in hand, `<base>alive:<process>` says that the process
/// lives, `<base>aside:<process>:<number>:<recover list>` is what nobody could read. `<process>` is a UUID, new with each
/// start: no restart, container or machine has the same.
struct RecoverListNames: Sendable {
  /// How the names of the recover lists begin.
  let prefix: [UInt8]
  let process: String
  private let base: String

  /// One of the two doesn't begin as the recover lists do, so that no watcher takes its keys for those.
  private static let bases = ["medispatcher:recovering:", "recovering:medispatcher:"]

  init(prefix: String, process: String = UUID().uuidString.lowercased()) {
    self.prefix = Array(prefix.utf8)
    self.process = process
    base = Self.bases.first { !$0.hasPrefix(prefix) } ?? Self.bases[0]
  }

  func holder(_ number: Int, of list: [UInt8]) -> [UInt8] { key("list", number, list) }
  func aside(_ number: Int, of list: [UInt8]) -> [UInt8] { key("aside", number, list) }
  func alive(_ process: String) -> [UInt8] { Array("\(base)alive:\(process)".utf8) }
  var alive: [UInt8] { alive(process) }

  private func key(_ kind: String, _ number: Int, _ list: [UInt8]) -> [UInt8] {
    Array("\(base)\(kind):\(process):\(number):".utf8) + list
  }

  /// A list of some process.
  struct Holder: Equatable {
    let process: String
    let list: [UInt8]
  }

  /// - Returns: nil for what isn't one, or is of lists with another prefix.
  func holder(_ key: [UInt8]) -> Holder? {
    let start = Array("\(base)list:".utf8)
    guard key.starts(with: start) else { return nil }
    let parts = key[start.count...].split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, parts[2].starts(with: prefix), !parts[0].isEmpty, parts[0].allSatisfy(Self.isOfUUID)
    else { return nil }
    return Holder(process: String(decoding: parts[0], as: UTF8.self), list: Array(parts[2]))
  }

  private static func isOfUUID(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"): true
    default: false
    }
  }

  /// For SCAN: all recover lists.
  var lists: [UInt8] { Self.pattern(prefix) }
  /// For SCAN: what processes have in hand.
  var holders: [UInt8] { Self.pattern(Array("\(base)list:".utf8)) }

  /// Of all names that begin so, whatever the characters mean in a pattern.
  static func pattern(_ prefix: [UInt8]) -> [UInt8] {
    var pattern: [UInt8] = []
    for byte in prefix {
      if "*?[]^-\\".utf8.contains(byte) { pattern.append(UInt8(ascii: "\\")) }
      pattern.append(byte)
    }
    return pattern + [UInt8(ascii: "*")]
  }
}
