/// What `SetDefaultAlarm` changes: who gets the alerts of subscriptions without recipients, and when whole dispatchers
/// raise alerts. What is nil isn't changed, or not set: then the config file's word counts.
public struct DefaultAlarm: Sendable, Equatable {
  /// `DefaultAlarmReceiver`, at most 4,096 bytes without control characters.
  public var receiver: String?
  /// `DefaultAlarmChan`, the channel of the alarm platform, likewise.
  public var channel: String?
  /// `GlobalMessageBlockedAlertThreshold`, 0 ... 1,000,000,000 messages; 0: off.
  public var globalBlockedThreshold: Int?
  /// `GlobalMessageBlockedAlarmInterval`, 1 ... 604,800 seconds.
  public var globalBlockedAlarmSeconds: Int?
  /// `NameOfMainQueueBlockedAlertThreshold`, 0 ... 1,000,000,000 messages; 0: off.
  public var mainQueueBlockedThreshold: Int?

  /// Nothing is set.
  public init() {}

  /// Whether nothing is set.
  public var isEmpty: Bool { self == DefaultAlarm() }

  /// Takes what `changes` sets.
  public mutating func merge(_ changes: DefaultAlarm) {
    receiver = changes.receiver ?? receiver
    channel = changes.channel ?? channel
    globalBlockedThreshold = changes.globalBlockedThreshold ?? globalBlockedThreshold
    globalBlockedAlarmSeconds = changes.globalBlockedAlarmSeconds ?? globalBlockedAlarmSeconds
    mainQueueBlockedThreshold = changes.mainQueueBlockedThreshold ?? mainQueueBlockedThreshold
  }

  private static let messages = 0...1_000_000_000
  private static let seconds = 1...604_800
  private static let maximumBytes = 4_096

  /// As the command names them.
  init(_ arguments: ControlArguments) throws(ControlError) {
    receiver = try arguments.optionalText("default_alarm_receiver", maximumBytes: Self.maximumBytes)
    channel = try arguments.optionalText("default_alarm_chan", maximumBytes: Self.maximumBytes)
    globalBlockedThreshold = try arguments.optionalInteger(
      "global_message_blocked_alert_threshold", in: Self.messages)
    globalBlockedAlarmSeconds = try arguments.optionalInteger(
      "global_message_blocked_alarm_interval", in: Self.seconds)
    mainQueueBlockedThreshold = try arguments.optionalInteger(
      "name_of_main_queue_blocked_alert_threshold", in: Self.messages)
  }

  /// By the names of the command; what isn't set is null.
  public var commandJSON: JSONValue {
    [
      "default_alarm_receiver": receiver.map { .string($0) } ?? .null,
      "default_alarm_chan": channel.map { .string($0) } ?? .null,
      "global_message_blocked_alert_threshold": globalBlockedThreshold.map { .integer($0) } ?? .null,
      "global_message_blocked_alarm_interval": globalBlockedAlarmSeconds.map { .integer($0) } ?? .null,
      "name_of_main_queue_blocked_alert_threshold": mainQueueBlockedThreshold.map { .integer($0) } ?? .null,
    ]
  }

  // MARK: The file

  /// As the file names them, which is as the config file does.
  init(file: JSONValue) throws(ControlError) {
    let members = try ControlArguments(file)
    receiver = try members.optionalText("DefaultAlarmReceiver", maximumBytes: Self.maximumBytes)
    channel = try members.optionalText("DefaultAlarmChan", maximumBytes: Self.maximumBytes)
    globalBlockedThreshold = try members.optionalInteger("GlobalMessageBlockedAlertThreshold", in: Self.messages)
    globalBlockedAlarmSeconds = try members.optionalInteger("GlobalMessageBlockedAlarmInterval", in: Self.seconds)
    mainQueueBlockedThreshold = try members.optionalInteger("NameOfMainQueueBlockedAlertThreshold", in: Self.messages)
  }

  /// What the file holds: what is set, by the names of the config file.
  public var json: JSONValue {
    var members: [String: JSONValue] = [:]
    members["DefaultAlarmReceiver"] = receiver.map { .string($0) }
    members["DefaultAlarmChan"] = channel.map { .string($0) }
    members["GlobalMessageBlockedAlertThreshold"] = globalBlockedThreshold.map { .integer($0) }
    members["GlobalMessageBlockedAlarmInterval"] = globalBlockedAlarmSeconds.map { .integer($0) }
    members["NameOfMainQueueBlockedAlertThreshold"] = mainQueueBlockedThreshold.map { .integer($0) }
    return .object(members)
  }
}
