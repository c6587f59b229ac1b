import Foundation
import MEDTestSupport

/// One message at one subscription.
struct Delivery: Hashable, Comparable, CustomStringConvertible {
  let message: Int
  let subscription: Int

  var description: String { "\(message)→\(subscription)" }

  static func < (a: Delivery, b: Delivery) -> Bool {
    (a.message, a.subscription) < (b.message, b.subscription)
  }
}

/// What was published and what subscribers saw.
final class Ledger: Sendable {
  private struct State {
    var subscriptions: [Int: (topic: String, path: String)] = [:]
    var expected: Set<Delivery> = []
    var accepted: [Delivery: Int] = [:]
    var received: [Delivery: Int] = [:]
  }

  private let state = Locked(State())

  func add(subscription: Int, topic: String, path: String) {
    state.withLock { $0.subscriptions[subscription] = (topic, path) }
  }

  /// Each message is owed to every subscription of its topic that there is now.
  func published(_ numbers: Range<Int>, topic: String) {
    state.withLock { state in
      for (id, subscription) in state.subscriptions where subscription.topic == topic {
        for number in numbers { state.expected.insert(Delivery(message: number, subscription: id)) }
      }
    }
  }

  func note(_ request: ReceivedRequest, of subscription: Int, accepted: Bool) {
    guard let number = MessageMark.find(in: request.body) else { return }
    let delivery = Delivery(message: number, subscription: subscription)
    state.withLock { state in
      state.received[delivery, default: 0] += 1
      if accepted { state.accepted[delivery, default: 0] += 1 }
    }
  }

  func path(_ subscription: Int) -> String { state.withLock { $0.subscriptions[subscription]?.path ?? "" } }

  var subscriptions: [Int] { state.withLock { $0.subscriptions.keys.sorted() } }
  var expected: Set<Delivery> { state.withLock { $0.expected } }
  var accepted: Set<Delivery> { state.withLock { Set($0.accepted.keys) } }
  /// Pushes that were received, however they were answered.
  var received: [Delivery: Int] { state.withLock { $0.received } }
  /// Pushes that were accepted more than once.
  var duplicates: Set<Delivery> { state.withLock { Set($0.accepted.filter { $0.value > 1 }.keys) } }
}

/// Where messages are besides at their subscribers.
struct Whereabouts {
  /// In a queue, in whatever state; a message in the main queue is on its way to all subscriptions.
  var queued: Set<Delivery> = []
  /// Those of them that are buried.
  var buried: Set<Delivery> = []
  /// Those of them that somebody has reserved at some time.
  var takenOnce: Set<Delivery> = []
  /// Jobs in retry channels.
  var retried = 0
  /// On the DATA log with their payload.
  var recorded: Set<Delivery> = []
}

extension SystemHarness {
  var records: [RecordLine] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.file("log"))) ?? []
    return names.filter { $0.hasPrefix("data") }.sorted()
      .flatMap { directory.read("log/\($0)").split(separator: "\n") }.compactMap { RecordLine($0) }
  }

  func records(_ kind: String) -> [RecordLine] { records.filter { $0.kind == kind } }

  func whereabouts() throws -> Whereabouts {
    var found = Whereabouts()
    for job in try server.everyJob() {
      guard let number = MessageMark.find(in: job.body) else { continue }
      if job.tube.hasSuffix("/FAIL") { found.retried += 1 }
      let words = job.tube.split(separator: "/").filter { $0 != "FAIL" }
      let owners = job.tube == Self.mainQueue ? ledger.subscriptions : words.last.flatMap { Int($0) }.map { [$0] } ?? []
      for owner in owners {
        let delivery = Delivery(message: number, subscription: owner)
        found.queued.insert(delivery)
        if job.state == "buried" { found.buried.insert(delivery) }
        if job.reserves > 0 { found.takenOnce.insert(delivery) }
      }
    }
    for record in records where ["EXHAUSTED", "REDISTFAIL", "DROPPED"].contains(record.kind) {
      guard let subscription = record.subscription, let number = MessageMark.find(in: record.payload) else { continue }
      found.recorded.insert(Delivery(message: number, subscription: subscription))
    }
    return found
  }

  /// What was published and is nowhere: neither accepted, nor in a queue, nor on the DATA log.
  func missing(_ found: Whereabouts) -> [Delivery] {
    ledger.expected.subtracting(ledger.accepted).subtracting(found.queued).subtracting(found.recorded).sorted()
  }

  func missing() throws -> [Delivery] { missing(try whereabouts()) }
}
