/// What `stats`, `stats-tube` or `stats-job` says, by the names that the protocol has for it.
///
/// Bounded by ``BeanstalkConfiguration/maximumReplyBody``.
public struct StatisticsTable: Sendable, Equatable {
  /// Values by name: numbers in decimal, texts without quotes.
  public let values: [String: String]

  /// Reads the server's YAML. Total: lines that aren't `key: value` are passed over; of two that are the same the last
  /// one counts.
  public init(yaml: [UInt8]) {
    var values: [String: String] = [:]
    YAML.forEachEntry(of: yaml) { values[String($0)] = String($1) }
    self.values = values
  }

  /// The value of that name: `"cmd-put"`; nil if the server doesn't say it.
  public subscript(_ name: String) -> String? { values[name] }

  /// The value of that name if it is a whole number.
  public func number(_ name: String) -> Int? { values[name].flatMap { Int($0) } }

  /// The items of a list, as `list-tubes` and `list-tubes-watched` answer it. Total: other lines are passed over.
  public static func names(yaml: [UInt8]) -> [String] { YAML.list(yaml) }
}
