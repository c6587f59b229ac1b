import MEDCore

/// The two shapes that a server's YAML has: one dictionary of scalars, one list of strings.
///
/// Total: lines that don't have the shape are passed over.
enum YAML {
  /// Calls `entry` with the key and the value of each `key: value` line.
  static func forEachEntry(of bytes: [UInt8], _ entry: (_ key: Substring, _ value: Substring) -> Void) {
    for line in String(decoding: bytes, as: UTF8.self).utf8.split(separator: UInt8(ascii: "\n")) {
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
      entry(trimmed(line[..<colon]), trimmed(line[line.index(after: colon)...]))
    }
  }

  /// The items of `- item` lines.
  static func list(_ bytes: [UInt8]) -> [String] {
    bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
      guard line.starts(with: [UInt8(ascii: "-"), UInt8(ascii: " ")]) else { return nil }
      return String(unquoted(Substring(String(decoding: line.dropFirst(2), as: UTF8.self))))
    }
  }

  private static func trimmed(_ text: Substring.UTF8View) -> Substring {
    var text = Substring(text)
    while text.first == " " { text.removeFirst() }
    while let last = text.last, last == " " || last == "\r" { text.removeLast() }
    return unquoted(text)
  }

  /// 1.12 quotes strings, and newer ones quote tube names too.
  private static func unquoted(_ text: Substring) -> Substring {
    guard text.count >= 2, text.first == "\"", text.last == "\"" else { return text }
    return text.dropFirst().dropLast()
  }
}

extension ServerStatistics {
  /// From the answer to `stats`.
  public init(yaml: [UInt8]) {
    self.init()
    YAML.forEachEntry(of: yaml) { key, value in
      switch key {
      case "id": instance = String(value)
      case "version": version = String(value)
      case "current-jobs-ready": ready = Int(value) ?? ready
      case "current-jobs-reserved": reserved = Int(value) ?? reserved
      case "current-jobs-delayed": delayed = Int(value) ?? delayed
      case "current-jobs-buried": buried = Int(value) ?? buried
      case "current-tubes": tubes = Int(value) ?? tubes
      case "draining": draining = value == "true"
      case "max-job-size": maxJobSize = Int(value) ?? maxJobSize
      default: break
      }
    }
  }
}

extension TubeStatistics {
  /// From the answer to `stats-tube`.
  public init(yaml: [UInt8]) {
    self.init()
    YAML.forEachEntry(of: yaml) { key, value in
      switch key {
      case "current-jobs-ready": ready = Int(value) ?? ready
      case "current-jobs-reserved": reserved = Int(value) ?? reserved
      case "current-jobs-delayed": delayed = Int(value) ?? delayed
      case "current-jobs-buried": buried = Int(value) ?? buried
      case "current-watching": watching = Int(value) ?? watching
      case "current-using": using = Int(value) ?? using
      case "current-waiting": waiting = Int(value) ?? waiting
      default: break
      }
    }
  }
}

/// What `stats-job` says of one job.
/// - Source: beanstalkd doc/protocol.txt, "stats-job".
public struct JobStatistics: Sendable, Equatable {
  /// Where a job is in its life.
  public enum State: String, Sendable {
    /// To be reserved by anybody.
    case ready
    /// In the hands of one connection.
    case reserved
    /// Ready when its delay is over.
    case delayed
    /// Put aside until it is kicked.
    case buried
  }

  /// The tube it lies in.
  public var tube = ""
  /// Nil if the server named one that isn't known.
  public var state: State?
  /// 0 is the most urgent.
  public var priority: UInt32 = 0
  /// Whole seconds, rounded down; only of reserved and delayed jobs.
  public var timeLeft = 0
  /// Whole seconds that a worker may keep it.
  public var timeToRun = 0
  /// Whole seconds since it was put.
  public var age = 0
  /// Whole seconds, as it was put or released last.
  public var delay = 0
  /// How often it was reserved.
  public var reserves = 0
  /// How often its time to run ended.
  public var timeouts = 0
  /// How often it was released.
  public var releases = 0
  /// How often it was buried.
  public var buries = 0
  /// How often it was kicked.
  public var kicks = 0

  /// A job that nothing is known of.
  public init() {}

  /// From the answer to `stats-job`. Total: what isn't there, or no number, keeps its default.
  public init(yaml: [UInt8]) {
    YAML.forEachEntry(of: yaml) { key, value in
      switch key {
      case "tube": tube = String(value)
      case "state": state = State(rawValue: String(value))
      case "pri": priority = UInt32(value) ?? priority
      case "time-left": timeLeft = Int(value) ?? timeLeft
      case "ttr": timeToRun = Int(value) ?? timeToRun
      case "age": age = Int(value) ?? age
      case "delay": delay = Int(value) ?? delay
      case "reserves": reserves = Int(value) ?? reserves
      case "timeouts": timeouts = Int(value) ?? timeouts
      case "releases": releases = Int(value) ?? releases
      case "buries": buries = Int(value) ?? buries
      case "kicks": kicks = Int(value) ?? kicks
      default: break
      }
    }
  }
}
