/// Something that people should know, in words.
public struct Alert: Sendable, Equatable {
  /// What raises alerts.
  public enum Kind: String, Sendable, CaseIterable {
    /// A subscription fails too often.
    case subscriptionFails = "subscription_fails"
    /// One message has failed too often.
    case messageFails = "message_fails"
    /// Too much waits in a channel or a retry channel.
    case channelBlocked = "channel_blocked"
    /// Too much waits in all channels together.
    case allChannelsBlocked = "all_channels_blocked"
    /// Too much waits in the main queue.
    case mainQueueBlocked = "main_queue_blocked"
    /// Somebody wants to know whether alerts arrive.
    case test
  }

  /// What raised it.
  public let kind: Kind
  /// The subscription that it is about; nil: the whole dispatcher.
  public let subscription: Int?
  /// That subscription's topic.
  public let topic: String?
  /// One line.
  public let subject: String
  /// Some lines.
  public internal(set) var content: String
  /// When it was raised.
  public let time: RecordTime
  /// How the dispatcher's host names itself.
  public let host: String
  /// Who is to get it.
  public let recipients: AlertRecipients

  /// In bytes; what is longer is cut.
  static let maximumSubject = 500
  static let maximumContent = 4_096

  /// An alert; control characters in its texts become spaces, but for line feeds in the content.
  public init(
    _ kind: Kind, about subject: AlertSubject? = nil, subject text: String, content: String, host: String,
    time: RecordTime
  ) {
    self.kind = kind
    subscription = subject?.subscription
    topic = subject?.topic
    self.subject = Self.plain(text, keepsLines: false, atMost: Self.maximumSubject)
    self.content = Self.plain(content, keepsLines: true, atMost: Self.maximumContent)
    self.host = host
    self.time = time
    recipients = subject?.recipients ?? AlertRecipients()
  }

  private static func plain(_ text: String, keepsLines: Bool, atMost limit: Int) -> String {
    var result = ""
    var bytes = 0
    for scalar in text.unicodeScalars {
      bytes += UTF8.width(scalar)
      guard bytes <= limit else { break }
      result.unicodeScalars.append(scalar.isControl && !(keepsLines && scalar == "\n") ? " " : scalar)
    }
    return result
  }
}

/// The subscription that an alert is about.
public struct AlertSubject: Sendable, Equatable {
  /// Its number.
  public let subscription: Int
  /// Its topic.
  public let topic: String
  /// Who gets alerts about it.
  public let recipients: AlertRecipients
  /// `AlerterEnabled`
  public let isEnabled: Bool
  /// Whether there is anything to push to; without it no alert is raised.
  public let hasTargets: Bool

  init(_ channel: SubscribedChannel) {
    subscription = channel.id
    topic = channel.topic
    recipients = AlertRecipients(channel.parameters)
    isEnabled = channel.parameters.alerterEnabled
    hasTargets = !channel.targets.isEmpty
  }

  /// As a dispatcher with those rules would have it.
  public init(_ subscription: Subscription, _ rules: ChannelRules) {
    self.init(SubscribedChannel.make(subscription, rules).channel)
  }
}

/// Who gets the alerts of a subscription.
public struct AlertRecipients: Sendable, Equatable {
  /// Of a way; further ones are passed over.
  public static let maximum = 100

  private var lists: [AlertWay: [String]] = [:]

  /// Nobody.
  public init() {}

  /// - Parameters:
  ///   - emails: `AlerterEmails`, with commas between them.
  ///   - phoneNumbers: `AlerterPhoneNumbers`, likewise.
  ///   - receiver: `AlerterReceiver`: one text for the alarm platform, whatever is in it.
  public init(emails: String = "", phoneNumbers: String = "", receiver: String = "") {
    self[.email] = Self.split(emails)
    self[.sms] = Self.split(phoneNumbers)
    self[.alarmPlatform] = receiver.trimmed.isEmpty ? [] : [receiver.trimmed]
  }

  init(_ parameters: SubscriptionParameters) {
    self.init(
      emails: parameters.alerterEmails, phoneNumbers: parameters.alerterPhoneNumbers,
      receiver: parameters.alerterReceiver)
  }

  /// Those of a way, each once, in their order.
  public internal(set) subscript(way: AlertWay) -> [String] {
    get { lists[way] ?? [] }
    set { lists[way] = newValue.isEmpty ? nil : newValue }
  }

  /// Whether nobody is named.
  public var isEmpty: Bool { lists.isEmpty }

  private static func split(_ text: String) -> [String] {
    var recipients: [String] = []
    for part in text.split(separator: ",") {
      let recipient = String(part).trimmed
      guard !recipient.isEmpty, !recipients.contains(recipient) else { continue }
      guard recipients.count < maximum else { break }
      recipients.append(recipient)
    }
    return recipients
  }
}
