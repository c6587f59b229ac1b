import Foundation
import MEDApp
import MEDCore
import MEDSQLite
import TestStage

/// What changes around the dispatcher, in an order that a seed determines.
struct SoakChanges {
  private enum Change: CaseIterable {
    case parameters, add, cancel, config, restart, pause
  }

  private struct Subscriber {
    let id: Int
    let topic: Int
  }

  private static let maximumVolatile = 100

  private let stage: SoakStage
  private let topics: Int
  private let store: any SubscriptionEditor
  private var generator: SeededGenerator
  private var stable: [Subscriber] = []
  private var volatile: [Subscriber] = []
  private var counts: [Change: Int] = [:]
  private var paused: Int?

  init(_ stage: SoakStage, topics: Int, seed: UInt64) {
    self.stage = stage
    self.topics = topics
    store = SQLiteStore(path: stage.storePath, logger: .init(label: "soak"))
    generator = SeededGenerator(seed: seed)
  }

  /// Adds the subscriptions that stay.
  mutating func begin() throws {
    for topic in 0..<topics { stable.append(try add(topic, path: "/stable/\(topic)")) }
  }

  mutating func pauseMilliseconds() -> Int { Int.random(in: 1_000...4_000, using: &generator) }

  mutating func makeOne() throws {
    resume()
    guard let change = Change.allCases.randomElement(using: &generator) else { return }
    counts[change, default: 0] += 1
    switch change {
    case .parameters: try setParameters()
    case .add where volatile.count < Self.maximumVolatile:
      volatile.append(try add(Int.random(in: 0..<topics, using: &generator), path: "/volatile"))
    case .add, .cancel: try cancel()
    case .config: try stage.writeConfig(senders: Int.random(in: 1...20, using: &generator))
    case .restart: try stage.restartServer(Int.random(in: stage.addresses.indices, using: &generator))
    case .pause:
      let index = Int.random(in: stage.addresses.indices, using: &generator)
      stage.pauseServer(index)
      paused = index
    }
  }

  /// Leaves everything so that all messages can arrive.
  mutating func settle() throws {
    resume()
    for subscriber in stable {
      try set(["Concurrency": "20", "IntervalOfSending": "0", "ProcessTimeout": "5000"], of: subscriber)
    }
  }

  var summary: String {
    Change.allCases.map { "\(counts[$0] ?? 0) × \($0)" }.joined(separator: ", ")
  }

  private mutating func resume() {
    if let index = paused { stage.resumeServer(index) }
    paused = nil
  }

  private mutating func setParameters() throws {
    guard let subscriber = (stable + volatile).randomElement(using: &generator) else { return }
    try set(
      [
        "Concurrency": "\(Int.random(in: 5...50, using: &generator))",
        "ConcurrencyOfRetry": "\(Int.random(in: 1...5, using: &generator))",
        "IntervalOfSending": Bool.random(using: &generator) ? "0" : "1",
        "ProcessTimeout": "\(Int.random(in: 500...5_000, using: &generator))",
        "AckMode": Bool.random(using: &generator) ? "status" : "http",
      ], of: subscriber)
  }

  private func set(_ parameters: [String: String], of subscriber: Subscriber) throws {
    let store = store
    try runBlocking { try await store.setParameters(parameters, of: subscriber.id) }
  }

  private func add(_ topic: Int, path: String) throws -> Subscriber {
    let store = store
    let url = "http://\(stage.receiver.address)\(path)"
    let id = try runBlocking {
      try await store.addSubscription(topic: "topic\(topic)", urls: [url], subscriber: "soak", parameters: [:])
    }
    return Subscriber(id: id, topic: topic)
  }

  private mutating func cancel() throws {
    guard let index = volatile.indices.randomElement(using: &generator) else { return }
    let store = store
    let id = volatile.remove(at: index).id
    try runBlocking { try await store.cancelSubscription(id) }
  }
}
