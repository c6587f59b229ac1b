import Glibc

/// `DATA_DIR/subscription_params_<id>.json`: what is in force for each subscription that has rows of its own, for people
/// and tools to look at. Nothing reads them back; what survives a restart is the snapshot.
///
/// Changes are written at once. The files of ten thousands of subscriptions after a start are not worth seconds of a
/// processor: past the first ``burst`` they follow one by one, ``pauseNanoseconds`` apart.
struct ParameterFiles {
  /// So many files of subscriptions that have none from this run are written at once.
  static let burst = 500
  /// Four files a second are below a quarter of a percent of a core.
  static let pauseNanoseconds: UInt64 = 250_000_000

  private let directory: String
  /// Generation of the channel that each file was written for.
  private var written: [Int: UInt64] = [:]
  private var behind: [SubscribedChannel] = []

  init(directory: String) { self.directory = directory }

  /// Whether files are left for ``catchUp()``.
  var isBehind: Bool { !behind.isEmpty }

  /// Brings the files up to date with `table`; one that says the same already isn't touched. Blocks.
  /// - Returns: the first thing that failed, or nil.
  mutating func update(_ table: SubscriptionTable) -> String? {
    var problem: String?
    var new: [SubscribedChannel] = []
    for (id, channel) in table.byID where written[id] != channel.generation {
      if channel.subscription.parameters.isEmpty {
        remove(id)
      } else if written[id] == nil {
        new.append(channel)
      } else {
        problem = problem ?? write(channel)
      }
    }
    for id in Array(written.keys) where table.byID[id] == nil { remove(id) }
    for channel in new.prefix(Self.burst) { problem = problem ?? write(channel) }
    behind = Array(new.dropFirst(Self.burst))
    return problem
  }

  /// Writes one of the files that are behind. A failure shows at the next ``update(_:)``.
  mutating func catchUp() {
    if let channel = behind.popLast() { _ = write(channel) }
  }

  private mutating func write(_ channel: SubscribedChannel) -> String? {
    let bytes = channel.parameters.json() + [UInt8(ascii: "\n")]
    let path = path(channel.id)
    if case .success(bytes) = SnapshotFile.read(path) {
      // As an earlier run left it.
    } else if let failure = SnapshotFile.write(bytes, to: path, isDurable: false) {
      return failure
    }
    written[channel.id] = channel.generation
    return nil
  }

  private mutating func remove(_ id: Int) {
    if written.removeValue(forKey: id) != nil { unlink(path(id)) }
  }

  private func path(_ id: Int) -> String { "\(directory)/subscription_params_\(id).json" }
}

extension SubscriptionParameters {
  /// One JSON object with all parameters in the order of ``ParameterName``, numbers and booleans as such.
  public func json(includesSecrets: Bool = false) -> [UInt8] {
    var text = "{"
    for name in ParameterName.allCases where includesSecrets || !name.isSecret {
      if text.utf8.count > 1 { text += "," }
      text += "\"\(name.rawValue)\":"
      switch self[name] {
      case .integer(let value): text += String(value)
      case .boolean(let value): text += value ? "true" : "false"
      case .text(let value): text += Self.quoted(value)
      }
    }
    return Array((text + "}").utf8)
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case _ where scalar.value < 0x20:
        let hex = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - hex.utf8.count) + hex
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
