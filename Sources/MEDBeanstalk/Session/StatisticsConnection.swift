import MEDCore
import MEDLoop

/// The connection for everything that is looked at: what it asks never waits behind, or holds up, the hot ones.
/// Confined to its loop.
final class StatisticsConnection: LinkOwner {
  private let endpoint: Endpoint
  private(set) lazy var link = Link(endpoint, owner: self)
  private var connection: Connection?
  private var latestError = BeanstalkError(.unreachable, "not connected yet")
  /// What the server can bear at once, as far as it is known.
  var pace = KickPace()

  init(_ endpoint: Endpoint) { self.endpoint = endpoint }

  var isUp: Bool { connection != nil }
  var isIdle: Bool { connection?.isIdle ?? true }

  func ask(_ commands: Command...) async throws(BeanstalkError) -> [Answer] { try await ask(commands) }

  func ask(_ commands: [Command]) async throws(BeanstalkError) -> [Answer] {
    guard let connection else { throw latestError }
    return try await connection.ask(commands)
  }

  /// - Returns: also how long the server took for the second command.
  func time(_ commands: Command...) async throws(BeanstalkError) -> (answers: [Answer], time: Duration) {
    guard let connection else { throw latestError }
    return try await connection.time(commands)
  }

  func statistics() async throws(BeanstalkError) -> ServerStatistics {
    ServerStatistics(yaml: try Self.body(of: await ask(.stats).first) ?? [])
  }

  func statistics(of tube: TubeName) async throws(BeanstalkError) -> TubeStatistics? {
    try Self.body(of: await ask(.statsTube(tube)).first).map(TubeStatistics.init(yaml:))
  }

  func statistics(ofJob number: UInt64) async throws(BeanstalkError) -> JobStatistics? {
    try Self.body(of: await ask(.statsJob(number)).first).map(JobStatistics.init(yaml:))
  }

  func tubes() async throws(BeanstalkError) -> [String] {
    YAML.list(try Self.body(of: await ask(.listTubes).first) ?? [])
  }

  /// A server with a binlog comes back as another instance with the same jobs, so the number is looked up in any case.
  func peek(_ id: JobID, in tube: TubeName) async throws(BeanstalkError) -> [UInt8]? {
    let answers = try await ask(.statsJob(id.number), .peek(id.number))
    guard answers.count == 2, let yaml = try Self.body(of: answers[0]) else { return nil }
    guard JobStatistics(yaml: yaml).tube == tube.description else { return nil }
    return try Self.body(of: answers[1])
  }

  /// Looks first whether there is anything delayed, since `use` makes a tube that doesn't exist.
  func timeUntilNextDelayed(in tube: TubeName) async throws(BeanstalkError) -> Duration? {
    guard let statistics = try await statistics(of: tube), statistics.delayed > 0 else { return nil }
    guard let number = try await peek(.peekDelayed, in: tube)?.number else { return nil }
    guard let job = try await self.statistics(ofJob: number) else { return nil }
    // The server rounds down.
    return job.state == .delayed ? .seconds(min(max(job.timeLeft, 0), Int(UInt32.max)) + 1) : .zero
  }

  /// One of the peeks that look at the tube in use. All in one write, so that nothing else comes between.
  func peek(_ command: Command, in tube: TubeName) async throws(BeanstalkError) -> (number: UInt64, body: [UInt8])? {
    let answers = try await ask(.use(tube), command, .use(.standard))
    guard answers.count == 3, case .using = answers[0].reply else {
      throw BeanstalkError.refusal(answers.first?.text ?? "nothing", to: "use")
    }
    guard case .found(let number, _) = answers[1].reply else {
      if answers[1].reply == .notFound { return nil }
      throw Self.unexpected(answers[1])
    }
    return (number, answers[1].body)
  }

  /// - Returns: nil for NOT_FOUND.
  static func body(of answer: Answer?) throws(BeanstalkError) -> [UInt8]? {
    guard let answer else { throw BeanstalkError(.connectionLost, "no answer") }
    switch answer.reply {
    case .ok, .found: return answer.body
    case .notFound: return nil
    default: throw unexpected(answer)
    }
  }

  static func unexpected(_ answer: Answer) -> BeanstalkError { .refusal(answer.text, to: "a look") }

  // MARK: LinkOwner

  func linkIsUp(_ connection: Connection, instance: UInt32) {
    self.connection = connection
  }

  func linkIsDown(_ error: BeanstalkError) {
    connection = nil
    latestError = error
  }

  func linkFailed(_ error: BeanstalkError) { latestError = error }
}
