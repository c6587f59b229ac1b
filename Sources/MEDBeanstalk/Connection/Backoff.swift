/// Pauses between attempts: doubling from the first to the longest, each with up to a half taken off at random, so that
/// many clients of one server don't come back all at once.
struct Backoff {
  let bounds: ClosedRange<Duration>
  private var next: Duration

  init(_ bounds: ClosedRange<Duration>) {
    self.bounds = bounds
    next = bounds.lowerBound
  }

  mutating func reset() { next = bounds.lowerBound }

  mutating func pause(using generator: inout some RandomNumberGenerator) -> Duration {
    let full = next
    next = min(next * 2, bounds.upperBound)
    return full * Double.random(in: 0.5...1, using: &generator)
  }
}
