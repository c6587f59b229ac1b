/// Writes metrics as Prometheus reads them.
///
/// ```
/// # HELP medispatcher_copies_total Copies confirmed in channels.
/// # TYPE medispatcher_copies_total counter
/// medispatcher_copies_total 17
/// ```
/// - Source: prometheus.io, "Exposition formats", text-based format 0.0.4.
public struct PrometheusText: Sendable {
  /// The header of that name.
  public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  /// What a metric is.
  public enum Kind: String, Sendable {
    /// It only rises, or begins anew.
    case counter
    /// It goes up and down.
    case gauge
    /// How often something was in which of its steps.
    case histogram
  }

  /// What a sample is told by.
  public typealias Labels = [(name: StaticString, value: String)]

  /// What was written.
  public private(set) var bytes: [UInt8] = []
  private var separator = ","

  /// Nothing.
  /// - Parameter separator: between two labels.
  public init(separator: String = ",") { self.separator = separator }

  /// A metric with all its samples: each name once.
  public mutating func metric(
    _ name: StaticString, _ kind: Kind, _ help: StaticString, _ write: (inout Samples) -> Void
  ) {
    bytes += "# HELP \(name) ".utf8
    append("\(help)", escapingQuotes: false)
    bytes += "\n# TYPE \(name) \(kind.rawValue)\n".utf8
    var samples = Samples(name: name, text: self)
    // One owner at a time: nothing is copied.
    bytes = []
    write(&samples)
    self = samples.text
  }

  /// A metric with one sample and no labels.
  public mutating func metric(_ name: StaticString, _ kind: Kind, _ help: StaticString, _ value: some MetricValue) {
    metric(name, kind, help) { $0.sample(value) }
  }

  /// The samples of one metric.
  public struct Samples {
    private let name: StaticString
    fileprivate var text: PrometheusText

    fileprivate init(name: StaticString, text: PrometheusText) {
      self.name = name
      self.text = text
    }

    /// One sample; no two of a metric have the same labels.
    public mutating func sample(_ value: some MetricValue, _ labels: Labels = []) {
      text.append(name, suffix: "", value.metricText, labels)
    }

    /// A histogram's samples.
    public mutating func sample(_ histogram: DurationHistogram) {
      var count: UInt64 = 0
      for (step, bound) in DurationHistogram.bounds.enumerated() {
        count += histogram.counts[step]
        text.append(name, suffix: "_bucket", count.metricText, [("le", bound.metricText)])
      }
      text.append(name, suffix: "_bucket", histogram.count.metricText, [("le", "+Inf")])
      text.append(name, suffix: "_sum", histogram.sumSeconds.metricText, [])
      text.append(name, suffix: "_count", histogram.count.metricText, [])
    }
  }

  private mutating func append(_ name: StaticString, suffix: StaticString, _ value: String, _ labels: Labels) {
    append(name)
    append(suffix)
    for (index, label) in labels.enumerated() {
      bytes += (index == 0 ? "{" : separator).utf8
      append(label.name)
      bytes += "=\"".utf8
      append(label.value, escapingQuotes: true)
      bytes.append(UInt8(ascii: "\""))
    }
    if !labels.isEmpty { bytes.append(UInt8(ascii: "}")) }
    bytes.append(UInt8(ascii: " "))
    bytes += value.utf8
    bytes.append(UInt8(ascii: "\n"))
  }

  private mutating func append(_ text: StaticString) {
    text.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }

  private mutating func append(_ text: String, escapingQuotes: Bool) {
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\\"): bytes += #"\\"#.utf8
      case UInt8(ascii: "\n"): bytes += #"\n"#.utf8
      case UInt8(ascii: "\"") where escapingQuotes: bytes += #"\""#.utf8
      default: bytes.append(byte)
      }
    }
  }
}

/// A number as a metric has it.
public protocol MetricValue {
  /// Its digits.
  var metricText: String { get }
}

extension MetricValue where Self: BinaryInteger {
  /// Its digits.
  public var metricText: String { "\(self)" }
}

extension Int: MetricValue {}
extension UInt64: MetricValue {}

extension Double: MetricValue {
  /// As few digits as mean it; none behind the point of a whole number.
  public var metricText: String {
    guard isFinite else { return isNaN ? "NaN" : self > 0 ? "+Inf" : "-Inf" }
    if let whole = Int(exactly: self), abs(whole) < 1 << 53 { return "\(whole)" }
    return "\(self)"
  }
}

extension Bool: MetricValue {
  /// 1 or 0.
  public var metricText: String { self ? "1" : "0" }
}
