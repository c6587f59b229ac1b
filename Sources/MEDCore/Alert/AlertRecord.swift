/// What has become of an alert.
public struct AlertRecord: Sendable, Equatable {
  /// How it stands.
  public enum State: String, Sendable, CaseIterable {
    /// It is on its way.
    case waiting
    /// All have it.
    case sent
    /// Somebody doesn't have it.
    case failed
    /// Nobody is named who could get it.
    case unaddressed
    /// Too many waited.
    case dropped
  }

  /// Counts from 1 since the start.
  public let number: UInt64
  /// As it was sent.
  public internal(set) var alert: Alert
  /// How it stands.
  public internal(set) var state = State.waiting
  /// One for each recipient.
  public internal(set) var deliveries: [AlertDelivery] = []
  /// Recipients of whom it isn't known yet.
  var unsettled = 0

  init(_ number: UInt64, _ alert: Alert, _ state: State = .waiting) {
    self.number = number
    self.alert = alert
    self.state = state
  }

  /// What kept it from its recipients, each once.
  var problems: [String] {
    var problems: [String] = []
    for delivery in deliveries {
      guard let problem = delivery.problem else { continue }
      let text = "\(delivery.way.rawValue): \(problem)"
      if !problems.contains(text), problems.count < 10 { problems.append(text) }
    }
    return problems
  }
}

/// What has become of an alert for one recipient.
public struct AlertDelivery: Sendable, Equatable {
  /// Over which way.
  public let way: AlertWay
  /// To whom.
  public let recipient: String
  /// How often it was tried.
  public internal(set) var tries = 0
  /// Whether a gateway has taken it.
  public internal(set) var isDelivered = false
  /// Why not, the last time; nil: nothing has gone wrong.
  public internal(set) var problem: String?

  /// Longer texts are cut.
  static let maximumProblem = 500

  init(_ stop: AlertRoute.Stop, problem: String? = nil) {
    way = stop.way
    recipient = stop.recipient
    self.problem = problem
  }

  /// - Returns: whether another try may help.
  mutating func tried(_ outcome: AlertOutcome) -> Bool {
    tries += 1
    switch outcome {
    case .delivered:
      isDelivered = true
      problem = nil
      return false
    case .failed(let text), .refused(let text):
      problem = String(text.unicodeScalars.prefix(Self.maximumProblem).map { $0.isControl ? " " : Character($0) })
      if case .failed = outcome { return true } else { return false }
    }
  }

  static let noGateway = "no gateway is configured"
  static let tooMany = "too many wait for this gateway"
}

extension AlertRecord {
  /// For the admin API and tools.
  public var json: JSONValue {
    [
      "id": .integer(Int(clamping: number)), "kind": .string(alert.kind.rawValue),
      "subscription": alert.subscription.map { .integer($0) } ?? .null,
      "topic": alert.topic.map { .string($0) } ?? .null, "time": .string("\(alert.time)"),
      "subject": .string(alert.subject), "content": .string(alert.content), "state": .string(state.rawValue),
      "deliveries": .array(deliveries.map(\.json)),
    ]
  }
}

extension AlertDelivery {
  var json: JSONValue {
    [
      "way": .string(way.rawValue), "recipient": .string(recipient), "tries": .integer(tries),
      "delivered": .boolean(isDelivered), "problem": problem.map { .string($0) } ?? .null,
    ]
  }
}
