/// The names of SPEC §7, exactly as they stand in `subscription_params`.
public enum ParameterName: String, Sendable, CaseIterable {
  /// Pushes in flight at most.
  case concurrency = "Concurrency"
  /// Repeated pushes in flight at most.
  case concurrencyOfRetry = "ConcurrencyOfRetry"
  /// Between the starts of two pushes at least.
  case intervalOfSending = "IntervalOfSending"
  /// For one whole push.
  case processTimeout = "ProcessTimeout"
  /// Where to push to, instead of `reception_channel`.
  case receptionUri = "ReceptionUri"
  /// Whether it gets the messages of a stress test.
  case receiveBenchMsgs = "ReceiveBenchMsgs"
  /// Whether alerts are raised for it.
  case alerterEnabled = "AlerterEnabled"
  /// Who gets alerts by mail.
  case alerterEmails = "AlerterEmails"
  /// Who gets alerts by SMS.
  case alerterPhoneNumbers = "AlerterPhoneNumbers"
  /// Who gets alerts on the alarm platform.
  case alerterReceiver = "AlerterReceiver"
  /// At most one alert of a kind within it.
  case alarmInterval = "AlarmInterval"
  /// In which failures are counted.
  case intervalOfErrorMonitorAlert = "IntervalOfErrorMonitorAlert"
  /// Failures of one message that raise an alert.
  case messageFailureAlertThreshold = "MessageFailureAlertThreshold"
  /// Failures within the interval that raise an alert.
  case subscriptionTotalFailureAlertThreshold = "SubscriptionTotalFailureAlertThreshold"
  /// Ready messages that raise an alert.
  case messageBlockedAlertThreshold = "MessageBlockedAlertThreshold"
  /// Ready messages beyond which the drop policy applies; 0: never.
  case dropMessageThreshold = "DropMessageThreshold"
  /// What the drop policy does.
  case dropMessageThresholdAction = "DropMessageThresholdAction"
  /// What counts as an acknowledgement.
  case ackMode = "AckMode"
  /// What a push carries.
  case payloadFormat = "PayloadFormat"
  /// What pushes are signed with.
  case signingSecret = "SigningSecret"

  /// The value is shown nowhere.
  public var isSecret: Bool { self == .signingSecret }
}

/// A parameter's value, read from its text.
public enum ParameterValue: Sendable, Equatable {
  /// A whole number.
  case integer(Int)
  /// Yes or no.
  case boolean(Bool)
  /// Anything else.
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
  /// What values are allowed.
  public enum Kind: Sendable, Equatable {
    /// A whole number within bounds.
    case integer(ClosedRange<Int>)
    /// 0, 1, true or false.
    case boolean
    /// One of these words.
    case choice([String])
    /// UTF-8 without control characters.
    case text(maximumBytes: Int)
    /// What ``SigningKeys`` reads, or nothing.
    case signingSecret(maximumBytes: Int)
    /// Lines of URLs as in `reception_channel`.
    case targets(maximumBytes: Int)
  }

  /// What a number counts.
  public enum Unit: String, Sendable {
    /// Thousandths of a second.
    case milliseconds = "ms"
    /// Seconds.
    case seconds = "s"
    /// Messages.
    case messages
  }

  /// As it stands in the table.
  public let name: ParameterName
  /// The value is shown nowhere.
  public var isSecret: Bool { name.isSecret }
  /// What values are allowed.
  public let kind: Kind
  /// In force when the parameter is absent.
  public let defaultValue: ParameterValue
  /// What a number counts; nil for what is no number.
  public let unit: Unit?
  /// One line for people.
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
  /// What is wrong.
  public enum Code: String, Sendable, CaseIterable {
    /// There is no parameter of that name.
    case unknownName
    /// Its value can't be read.
    case wrongKind
    /// Its value breaks a bound.
    case outOfBounds
  }

  /// What is wrong.
  public let code: Code
  /// Of the parameter, as it was given.
  public let name: String
  /// What was found, shortened; hidden if it is a secret.
  public let found: String
  /// What would be right; the nearest known name, if the name is wrong.
  public let allowed: String

  /// One line that names parameter, what was found and what is allowed.
  public var description: String {
    switch code {
    case .unknownName: "unknown parameter \(name)" + (allowed.isEmpty ? "" : "; did you mean \(allowed)?")
    case .wrongKind, .outOfBounds: "\(name): expected \(allowed), got \"\(found)\""
    }
  }
}
