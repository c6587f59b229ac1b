/// What the body of a push looks like (SPEC §5).
public enum PayloadFormat: String, Sendable, CaseIterable {
  /// Form fields, with the message as JSON in one of them.
  case form
  /// The message as JSON.
  case json
}

/// What becomes of messages for a channel whose backlog is above `DropMessageThreshold` (SPEC §4).
public enum DropAction: UInt8, Sendable, CaseIterable {
  /// They are kept.
  case keep = 0
  /// They go to the drop log.
  case record = 1
  /// They are gone.
  case drop = 2
}

/// A subscription's parameters, read and within their bounds: about 150 bytes, of which tens of thousands are kept.
///
/// Made by ``ParameterTable/read(_:)``.
public struct SubscriptionParameters: Sendable, Equatable {
  // Unsigned and 32 bits wide: every bound of the table fits, and the value stays small.
  private var concurrencyValue: UInt32 = 1
  private var concurrencyOfRetryValue: UInt32 = 1
  private var intervalMilliseconds: UInt32 = 0
  private var timeoutMilliseconds: UInt32 = 0
  private var alarmSeconds: UInt32 = 0
  private var windowSeconds: UInt32 = 0
  private var messageFailures: UInt32 = 0
  private var totalFailures: UInt32 = 0
  private var blocked: UInt32 = 0
  private var dropThreshold: UInt32 = 0

  /// What becomes of messages beyond the drop threshold.
  public private(set) var dropAction = DropAction.keep
  /// What counts as an acknowledgement.
  public private(set) var ackMode = AckMode.status
  /// What a push carries.
  public private(set) var payloadFormat = PayloadFormat.form
  /// Whether it gets the messages of a stress test.
  public private(set) var receivesBenchMessages = false
  /// Whether alerts are raised for it.
  public private(set) var alerterEnabled = true
  /// Lines of URLs that win over `reception_channel`; empty if there are none.
  public private(set) var receptionUri = ""
  /// Who gets alerts by mail, with commas between.
  public private(set) var alerterEmails = ""
  /// Who gets alerts by SMS, with commas between.
  public private(set) var alerterPhoneNumbers = ""
  /// Who gets alerts on the alarm platform.
  public private(set) var alerterReceiver = ""
  /// What pushes are signed with; empty for not at all.
  public private(set) var signingSecret = ""

  /// Pushes in flight at most.
  public var concurrency: Int { Int(concurrencyValue) }
  /// Repeated pushes in flight at most.
  public var concurrencyOfRetry: Int { Int(concurrencyOfRetryValue) }
  /// Between the starts of two pushes at least.
  public var intervalOfSending: Duration { .milliseconds(intervalMilliseconds) }
  /// For one whole push.
  public var processTimeout: Duration { .milliseconds(timeoutMilliseconds) }
  /// At most one alert of a kind within it.
  public var alarmInterval: Duration { .seconds(alarmSeconds) }
  /// In which failures are counted.
  public var intervalOfErrorMonitorAlert: Duration { .seconds(windowSeconds) }
  /// Failures of one message that raise an alert.
  public var messageFailureAlertThreshold: Int { Int(messageFailures) }
  /// Failures within the interval that raise an alert.
  public var subscriptionTotalFailureAlertThreshold: Int { Int(totalFailures) }
  /// Ready messages that raise an alert.
  public var messageBlockedAlertThreshold: Int { Int(blocked) }
  /// 0: nothing is dropped.
  public var dropMessageThreshold: Int { Int(dropThreshold) }

  init() {}

  /// Reads any parameter by name. A value of another kind than the table's is not taken.
  public internal(set) subscript(name: ParameterName) -> ParameterValue {
    get {
      switch name {
      case .concurrency: .integer(concurrency)
      case .concurrencyOfRetry: .integer(concurrencyOfRetry)
      case .intervalOfSending: .integer(Int(intervalMilliseconds))
      case .processTimeout: .integer(Int(timeoutMilliseconds))
      case .receptionUri: .text(receptionUri)
      case .receiveBenchMsgs: .boolean(receivesBenchMessages)
      case .alerterEnabled: .boolean(alerterEnabled)
      case .alerterEmails: .text(alerterEmails)
      case .alerterPhoneNumbers: .text(alerterPhoneNumbers)
      case .alerterReceiver: .text(alerterReceiver)
      case .alarmInterval: .integer(Int(alarmSeconds))
      case .intervalOfErrorMonitorAlert: .integer(Int(windowSeconds))
      case .messageFailureAlertThreshold: .integer(messageFailureAlertThreshold)
      case .subscriptionTotalFailureAlertThreshold: .integer(subscriptionTotalFailureAlertThreshold)
      case .messageBlockedAlertThreshold: .integer(messageBlockedAlertThreshold)
      case .dropMessageThreshold: .integer(dropMessageThreshold)
      case .dropMessageThresholdAction: .integer(Int(dropAction.rawValue))
      case .ackMode: .text(ackMode.rawValue)
      case .payloadFormat: .text(payloadFormat.rawValue)
      case .signingSecret: .text(signingSecret)
      }
    }
    set {
      switch newValue {
      case .integer(let value): set(name, UInt32(clamping: value))
      case .boolean(let value): set(name, value)
      case .text(let value): set(name, value)
      }
    }
  }

  private mutating func set(_ name: ParameterName, _ value: UInt32) {
    switch name {
    case .concurrency: concurrencyValue = value
    case .concurrencyOfRetry: concurrencyOfRetryValue = value
    case .intervalOfSending: intervalMilliseconds = value
    case .processTimeout: timeoutMilliseconds = value
    case .alarmInterval: alarmSeconds = value
    case .intervalOfErrorMonitorAlert: windowSeconds = value
    case .messageFailureAlertThreshold: messageFailures = value
    case .subscriptionTotalFailureAlertThreshold: totalFailures = value
    case .messageBlockedAlertThreshold: blocked = value
    case .dropMessageThreshold: dropThreshold = value
    case .dropMessageThresholdAction: dropAction = DropAction(rawValue: UInt8(clamping: value)) ?? dropAction
    default: break
    }
  }

  private mutating func set(_ name: ParameterName, _ value: Bool) {
    switch name {
    case .receiveBenchMsgs: receivesBenchMessages = value
    case .alerterEnabled: alerterEnabled = value
    default: break
    }
  }

  private mutating func set(_ name: ParameterName, _ value: String) {
    switch name {
    case .receptionUri: receptionUri = value
    case .alerterEmails: alerterEmails = value
    case .alerterPhoneNumbers: alerterPhoneNumbers = value
    case .alerterReceiver: alerterReceiver = value
    case .ackMode: ackMode = AckMode(rawValue: value) ?? ackMode
    case .payloadFormat: payloadFormat = PayloadFormat(rawValue: value) ?? payloadFormat
    case .signingSecret: signingSecret = value
    default: break
    }
  }
}
