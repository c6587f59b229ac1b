/// One way on which alerts reach people (SPEC §15). Thread-safe; several calls at a time.
public protocol AlertGateway: Sendable {
  /// Whether there is anything behind it. May change while the dispatcher runs.
  var isConfigured: Bool { get }

  /// Carries an alert to one recipient: one try, which ends within a time of its own, also when the task is cancelled.
  func send(_ parcel: AlertParcel) async -> AlertOutcome
}

/// The ways on which alerts go out.
public enum AlertWay: String, Sendable, CaseIterable {
  /// To mail addresses.
  case email
  /// To phone numbers.
  case sms
  /// To receivers on the alarm platform.
  case alarmPlatform = "alarm_platform"
}

/// An alert on its way to one recipient.
public struct AlertParcel: Sendable, Equatable {
  /// What is told.
  public let alert: Alert
  /// As the subscription or the configuration names it: not empty, without control characters.
  public let recipient: String
  /// Over which channel of the alarm platform; empty for its own choice.
  public let channel: String

  /// A parcel for that recipient.
  public init(_ alert: Alert, to recipient: String, over channel: String = "") {
    self.alert = alert
    self.recipient = recipient
    self.channel = channel
  }
}

/// What a try came to.
public enum AlertOutcome: Sendable, Equatable {
  /// The gateway has taken it.
  case delivered
  /// It hasn't; another try may help. Why, for people, without secrets.
  case failed(String)
  /// It never will. Why, likewise.
  case refused(String)
}

/// The gateways of a dispatcher; nil: there is no such way.
public struct AlertGateways: Sendable {
  /// To mail addresses.
  public var email: (any AlertGateway)?
  /// To phone numbers.
  public var sms: (any AlertGateway)?
  /// To receivers on the alarm platform.
  public var alarmPlatform: (any AlertGateway)?

  /// These ways, and no others.
  public init(
    email: (any AlertGateway)? = nil, sms: (any AlertGateway)? = nil, alarmPlatform: (any AlertGateway)? = nil
  ) {
    self.email = email
    self.sms = sms
    self.alarmPlatform = alarmPlatform
  }

  subscript(way: AlertWay) -> (any AlertGateway)? {
    switch way {
    case .email: email
    case .sms: sms
    case .alarmPlatform: alarmPlatform
    }
  }

  /// Those that can be used now.
  var configured: Set<AlertWay> { Set(AlertWay.allCases.filter { self[$0]?.isConfigured == true }) }
}
