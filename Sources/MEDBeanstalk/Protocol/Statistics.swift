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

  /// A whole number. More than a trillion counts as that, whatever a server says: sums over all its tubes stay numbers.
  static func number(_ text: Substring) -> Int? { Int(text).map { min(max($0, -largest), largest) } }
  private static let largest = 1_000_000_000_000

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
      case "current-jobs-ready": ready = YAML.number(value) ?? ready
      case "current-jobs-reserved": reserved = YAML.number(value) ?? reserved
      case "current-jobs-delayed": delayed = YAML.number(value) ?? delayed
      case "current-jobs-buried": buried = YAML.number(value) ?? buried
      case "current-tubes": tubes = YAML.number(value) ?? tubes
      case "draining": draining = value == "true"
      case "max-job-size": maxJobSize = YAML.number(value) ?? maxJobSize
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
      case "current-jobs-ready": ready = YAML.number(value) ?? ready
      case "current-jobs-reserved": reserved = YAML.number(value) ?? reserved
      case "current-jobs-delayed": delayed = YAML.number(value) ?? delayed
      case "current-jobs-buried": buried = YAML.number(value) ?? buried
      case "current-watching": watching = YAML.number(value) ?? watching
      case "current-using": using = YAML.number(value) ?? using
      case "current-waiting": waiting = YAML.number(value) ?? waiting
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
      case "time-left": timeLeft = YAML.number(value) ?? timeLeft
      case "ttr": timeToRun = YAML.number(value) ?? timeToRun
      case "age": age = YAML.number(value) ?? age
      case "delay": delay = YAML.number(value) ?? delay
      case "reserves": reserves = YAML.number(value) ?? reserves
      case "timeouts": timeouts = YAML.number(value) ?? timeouts
      case "releases": releases = YAML.number(value) ?? releases
      case "buries": buries = YAML.number(value) ?? buries
      case "kicks": kicks = YAML.number(value) ?? kicks
      default: break
      }
    }
  }
}
