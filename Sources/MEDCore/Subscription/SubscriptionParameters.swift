/// What the body of a push looks like (SPEC §5).
public enum PayloadFormat: String, Sendable, CaseIterable {
  case form, json
}

/// What becomes of messages for a channel whose backlog is above `DropMessageThreshold` (SPEC §4).
public enum DropAction: UInt8, Sendable, CaseIterable {
  case keep = 0
  case record = 1
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

  public private(set) var dropAction = DropAction.keep
  public private(set) var ackMode = AckMode.status
  public private(set) var payloadFormat = PayloadFormat.form
  public private(set) var receivesBenchMessages = false
  public private(set) var alerterEnabled = true
  /// Lines of URLs that win over `reception_channel`; empty if there are none.
  public private(set) var receptionUri = ""
  public private(set) var alerterEmails = ""
  public private(set) var alerterPhoneNumbers = ""
  public private(set) var alerterReceiver = ""
  public private(set) var signingSecret = ""

  public var concurrency: Int { Int(concurrencyValue) }
  public var concurrencyOfRetry: Int { Int(concurrencyOfRetryValue) }
  public var intervalOfSending: Duration { .milliseconds(intervalMilliseconds) }
  public var processTimeout: Duration { .milliseconds(timeoutMilliseconds) }
  public var alarmInterval: Duration { .seconds(alarmSeconds) }
  public var intervalOfErrorMonitorAlert: Duration { .seconds(windowSeconds) }
  public var messageFailureAlertThreshold: Int { Int(messageFailures) }
  public var subscriptionTotalFailureAlertThreshold: Int { Int(totalFailures) }
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
