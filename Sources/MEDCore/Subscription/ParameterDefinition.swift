/// The names of SPEC §7, exactly as they stand in `subscription_params`.
public enum ParameterName: String, Sendable, CaseIterable {
  case concurrency = "Concurrency"
  case concurrencyOfRetry = "ConcurrencyOfRetry"
  case intervalOfSending = "IntervalOfSending"
  case processTimeout = "ProcessTimeout"
  case receptionUri = "ReceptionUri"
  case receiveBenchMsgs = "ReceiveBenchMsgs"
  case alerterEnabled = "AlerterEnabled"
  case alerterEmails = "AlerterEmails"
  case alerterPhoneNumbers = "AlerterPhoneNumbers"
  case alerterReceiver = "AlerterReceiver"
  case alarmInterval = "AlarmInterval"
  case intervalOfErrorMonitorAlert = "IntervalOfErrorMonitorAlert"
  case messageFailureAlertThreshold = "MessageFailureAlertThreshold"
  case subscriptionTotalFailureAlertThreshold = "SubscriptionTotalFailureAlertThreshold"
  case messageBlockedAlertThreshold = "MessageBlockedAlertThreshold"
  case dropMessageThreshold = "DropMessageThreshold"
  case dropMessageThresholdAction = "DropMessageThresholdAction"
  case ackMode = "AckMode"
  case payloadFormat = "PayloadFormat"
  case signingSecret = "SigningSecret"

  /// The value is shown nowhere.
  public var isSecret: Bool { self == .signingSecret }
}

/// A parameter's value, read from its text.
public enum ParameterValue: Sendable, Equatable {
  case integer(Int)
  case boolean(Bool)
  case text(String)

  /// As `subscription_params` holds it.
  public var storedText: String {
    switch self {
    case .integer(let value): "\(value)"
    case .boolean(let value): value ? "1" : "0"
    case .text(let value): value
    }
  }
}

/// One row of the table of parameters: everything that code, tools and documents need to know of it.
public struct ParameterDefinition: Sendable, Equatable {
  public enum Kind: Sendable, Equatable {
    case integer(ClosedRange<Int>)
    /// 0, 1, true or false.
    case boolean
    case choice([String])
    /// UTF-8 without control characters.
    case text(maximumBytes: Int)
    /// What ``SigningKeys`` reads, or nothing.
    case signingSecret(maximumBytes: Int)
    /// Lines of URLs as in `reception_channel`.
    case targets(maximumBytes: Int)
  }

  public enum Unit: String, Sendable {
    case milliseconds = "ms"
    case seconds = "s"
    case messages
  }

  public let name: ParameterName
  public var isSecret: Bool { name.isSecret }
  public let kind: Kind
  public let defaultValue: ParameterValue
  public let unit: Unit?
  public let summary: String

  /// What is allowed, for people: `1 ... 10`, `0, 1, true or false`.
  public var allowed: String {
    switch kind {
    case .integer(let range): "\(range.lowerBound) ... \(range.upperBound)" + (unit.map { " \($0.rawValue)" } ?? "")
    case .boolean: "0, 1, true or false"
    case .choice(let names): names.map { "\"\($0)\"" }.joined(separator: " or ")
    case .text(let maximum): "text of at most \(maximum) bytes without control characters"
    case .signingSecret(let maximum):
      "base64, maybe after \(SigningKeys.prefix), or several such with spaces between them, at most \(maximum) bytes"
    case .targets(let maximum): "http or https URLs, one per line, at most \(maximum) bytes"
    }
  }
}

/// A parameter's text that isn't allowed. Names what was found and what is allowed.
public struct ParameterError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Code: String, Sendable, CaseIterable {
    case unknownName, wrongKind, outOfBounds
  }

  public let code: Code
  public let name: String
  /// What was found, shortened; hidden if it is a secret.
  public let found: String
  public let allowed: String

  public var description: String {
    switch code {
    case .unknownName: "unknown parameter \(name)" + (allowed.isEmpty ? "" : "; did you mean \(allowed)?")
    case .wrongKind, .outOfBounds: "\(name): expected \(allowed), got \"\(found)\""
    }
  }
}
