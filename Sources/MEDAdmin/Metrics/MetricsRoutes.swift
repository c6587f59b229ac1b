import Hummingbird
import HummingbirdCore
import MEDCore
import NIOCore

/// What Prometheus, and who watched an older dispatcher, ask for (SPEC §9, PrometheusApiAddr): reads alone, of numbers
/// and names of topics.
///
/// | Path | |
/// |---|---|
/// | `/metrics` | ``DispatcherMetrics/prometheusText`` |
/// | `/prometheus/pushstatistics` | ``PushStatistics/rateText(withZeros:)`` |
/// | `/prometheus/pushstatistics/withfail/10second` | ``PushStatistics/failureText(withZeros:)`` |
/// | `/pushstatistics/alldata` | ``PushStatistics/json(withZeros:)`` |
///
/// The latter three leave out what is 0 with `?nozero=true`.
public struct MetricsRoutes: RouteGroup {
  private let metrics: MetricsSource
  private let statistics: PushStatisticsSource

  /// - Parameters:
  ///   - metrics: nil while nothing runs, which is answered with 503.
  ///   - statistics: likewise.
  public init(
    metrics: @escaping @Sendable () async -> DispatcherMetrics?,
    statistics: @escaping @Sendable () async -> PushStatistics?
  ) {
    self.metrics = MetricsSource(metrics)
    self.statistics = PushStatisticsSource(statistics)
  }

  public func addRoutes(to router: Router<AdminContext>) {
    router.get("metrics") { [metrics] _, _ in Response(metrics: try await metrics.text()) }
    let texts: [(RouterPath, PushStatisticsSource.Form)] = [
      ("prometheus/pushstatistics", .rates), ("prometheus/pushstatistics/withfail/10second", .failures),
    ]
    for (path, form) in texts {
      router.get(path) { [statistics] request, _ in
        Response(metrics: try await statistics.text(form, withZeros: Self.wantsZeros(request.uri.query)))
      }
    }
    router.get("pushstatistics/alldata") { [statistics] request, _ in
      Response(
        status: .ok, headers: [.contentType: "application/json; charset=utf-8"],
        body: ResponseBody(
          byteBuffer: try await statistics.text(.all, withZeros: Self.wantsZeros(request.uri.query))))
    }
  }

  /// Other names in the query mean nothing: who scrapes may add some.
  static func wantsZeros(_ query: String?) -> Bool {
    query?.split(separator: "&").contains("nozero=true") != true
  }
}

extension Response {
  /// Metrics as Prometheus reads them.
  init(metrics: ByteBuffer) {
    self.init(
      status: .ok, headers: [.contentType: PrometheusText.contentType], body: ResponseBody(byteBuffer: metrics))
  }
}
