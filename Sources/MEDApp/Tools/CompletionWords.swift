import MEDCore

/// What a shell may offer for a word of a command line. Never complains and never makes anything: what can't be found
/// out isn't offered.
public enum CompletionWords {
  /// Offered at most.
  private static let maximum = 1_000

  /// `KEY=`, for each parameter.
  public static let assignments = ParameterName.allCases.map { $0.rawValue + "=" }
  public static let parameterNames = ParameterName.allCases.map(\.rawValue)

  /// Topics that have a subscription.
  /// - Parameter words: the command line so far: it may name the config file.
  public static func topics(_ words: [String], prefix: String) -> [String] {
    offered(Set(subscriptions(words).map(\.subscription.topic)).sorted(), prefix)
  }

  /// Ids of live subscriptions.
  public static func subscriptionIDs(_ words: [String], prefix: String) -> [String] {
    offered(subscriptions(words).filter { !$0.isCancelled }.map { "\($0.subscription.id)" }, prefix)
  }

  /// Channels and retry channels, and the main queue.
  public static func tubes(_ words: [String], prefix: String) -> [String] {
    guard let settings = settings(words) else { return [] }
    let names = subscriptions(words).filter { !$0.isCancelled }.compactMap { listed in
      ChannelNames(
        topic: listed.subscription.topic, prefix: settings.channelPrefix, subscription: listed.subscription.id)
    }
    return offered([settings.mainQueue] + names.flatMap { [$0.channel.description, $0.retry.description] }, prefix)
  }

  public static func queueServers(_ words: [String], prefix: String) -> [String] {
    offered(settings(words)?.queueServers.map(\.description) ?? [], prefix)
  }

  /// What the shell would take apart, or a terminal act upon, isn't offered.
  private static func offered(_ words: [String], _ prefix: String) -> [String] {
    let plain = words.lazy.filter { word in
      word.hasPrefix(prefix) && !word.isEmpty
        && word.unicodeScalars.allSatisfy { !$0.properties.isWhitespace && $0.value > 0x20 && $0.value != 0x7F }
    }
    return Array(plain.prefix(maximum))
  }

  private static func subscriptions(_ words: [String]) -> [ListedSubscription] {
    guard var settings = settings(words) else { return [] }
    // A shell doesn't wait for a database that is away.
    settings.database.options += "&timeout=1s&readTimeout=2s&writeTimeout=2s"
    return (try? runBlocking { [settings] in try await StoreAccess.openIfThere(settings)?.listSubscriptions() }) ?? []
  }

  private static func settings(_ words: [String]) -> Settings? {
    try? Configuration.load(configFile(words) ?? Configuration.defaultPath).settings
  }

  /// `-f FILE`, `-fFILE`, `--config FILE`, `--config=FILE`
  static func configFile(_ words: [String]) -> String? {
    for (index, word) in words.enumerated() {
      if word == "-f" || word == "--config" { return index + 1 < words.count ? words[index + 1] : nil }
      for start in ["--config=", "-f"] where word.hasPrefix(start) && !word.hasPrefix("--f") {
        return String(word.dropFirst(start.count))
      }
    }
    return nil
  }
}
