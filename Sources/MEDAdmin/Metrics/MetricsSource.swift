import MEDCore
import NIOCore

/// Takes the metrics and writes them, once for all who ask at about the same time.
struct MetricsSource: Sendable {
  static let freshness = Duration.seconds(1)
  /// A dispatcher that doesn't answer by then hangs.
  static let limit = Duration.seconds(8)

  private let texts: RecentValue<ByteBuffer?>
  private let limit = TimeLimit()

  /// - Parameter metrics: nil while nothing runs.
  init(_ metrics: @escaping @Sendable () async -> DispatcherMetrics?) {
    texts = RecentValue(freshness: Self.freshness) { await metrics().map { ByteBuffer(bytes: $0.prometheusText) } }
  }

  /// - Throws: `.unavailable`, `.timedOut`.
  func text() async throws -> ByteBuffer {
    let latest = try await limit.answer(within: Self.limit) { [texts] in await texts.value() }
    guard let text = latest else { throw AdminError(.unavailable, "the dispatcher isn't running") }
    return text
  }
}

/// Takes push statistics, and writes each of their forms once for all who ask at about the same time.
actor PushStatisticsSource {
  /// What can be asked for.
  enum Form {
    case rates, failures, all
  }

  private struct Key: Hashable {
    let form: Form
    let withZeros: Bool
  }

  private let statistics: RecentValue<PushStatistics?>
  private let limit = TimeLimit()
  private var written: [Key: ByteBuffer] = [:]
  /// Which statistics they are of.
  private var number = 0

  /// - Parameter statistics: nil while nothing runs.
  init(_ statistics: @escaping @Sendable () async -> PushStatistics?) {
    self.statistics = RecentValue(freshness: MetricsSource.freshness, statistics)
  }

  /// - Throws: `.unavailable`, `.timedOut`.
  func text(_ form: Form, withZeros: Bool) async throws -> ByteBuffer {
    let latest = try await limit.answer(within: MetricsSource.limit) { [statistics] in await statistics.latest() }
    guard let statistics = latest.value else { throw AdminError(.unavailable, "the dispatcher isn't running") }
    if latest.number != number { (written, number) = ([:], latest.number) }
    let key = Key(form: form, withZeros: withZeros)
    if let text = written[key] { return text }
    let text = ByteBuffer(bytes: Self.write(statistics, form, withZeros))
    written[key] = text
    return text
  }

  private static func write(_ statistics: PushStatistics, _ form: Form, _ withZeros: Bool) -> [UInt8] {
    switch form {
    case .rates: statistics.rateText(withZeros: withZeros)
    case .failures: statistics.failureText(withZeros: withZeros)
    case .all: statistics.json(withZeros: withZeros).bytes
    }
  }
}
