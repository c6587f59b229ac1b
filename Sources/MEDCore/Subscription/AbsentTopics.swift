/// Topics that were looked up and have no subscription.
///
/// Bounded by number and by bytes. When it is full all are forgotten: each costs one lookup again. A name that is
/// longer than any bound is not remembered.
struct AbsentTopics: Sendable {
  static let maximumBytes = 16 << 20

  private var topics: Set<String> = []
  private var bytes = 0
  private let maximumCount: Int

  init(maximumCount: Int) { self.maximumCount = max(1, maximumCount) }

  var count: Int { topics.count }

  func contains(_ topic: String) -> Bool { topics.contains(topic) }

  mutating func insert(_ topic: String) {
    let length = topic.utf8.count
    guard length <= Self.maximumBytes / 1_024 else { return }
    if topics.count >= maximumCount || bytes + length > Self.maximumBytes { removeAll() }
    if topics.insert(topic).inserted { bytes += length }
  }

  mutating func remove(_ topic: String) {
    if topics.remove(topic) != nil { bytes -= topic.utf8.count }
  }

  mutating func removeAll() {
    topics.removeAll()
    bytes = 0
  }

  mutating func removeAll(where isGone: (String) -> Bool) {
    topics = topics.filter { !isGone($0) }
    bytes = topics.reduce(0) { $0 + $1.utf8.count }
  }
}
