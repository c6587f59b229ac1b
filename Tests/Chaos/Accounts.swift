import Foundation
import MEDTestSupport
import TestStage

/// Where each delivery that is owed has gone.
struct Accounts {
  private(set) var owed = 0
  private(set) var delivered = 0
  /// Of those that weren't delivered.
  private(set) var queued = 0
  private(set) var recorded = 0
  private(set) var missing: [Delivery] = []
  /// Jobs in the queues, whatever they are.
  let left: JobTotals
  /// Lines of the DATA log by kind, and lines that a kill has cut off.
  private(set) var records: [String: Int] = [:]
  private(set) var brokenLines = 0
  private var jobs: [Delivery: String] = [:]
  private var lines: [Delivery: String] = [:]

  init(_ stage: ChaosStage, _ publisher: ChaosPublisher, _ ledger: PushLedger) throws {
    left = try QueueWitness(stage: stage.base).allJobs()
    if left.all > 0 { try findJobs(stage) }
    try readDataLog(stage)
    for number in publisher.publications.keys {
      for subscription in 0..<Subscriptions.count {
        let delivery = Delivery(message: number, subscription: subscription)
        owed += 1
        if ledger.isAccepted(number, subscription) {
          delivered += 1
        } else if jobs[delivery] != nil {
          queued += 1
        } else if lines[delivery] != nil {
          recorded += 1
        } else {
          missing.append(delivery)
        }
      }
    }
    missing.sort()
  }

  /// A job of the main queue is on its way to every subscription.
  private mutating func findJobs(_ stage: ChaosStage) throws {
    for server in stage.base.addresses.indices {
      for job in try PlainBeanstalk(port: stage.base.addresses[server].port).everyJob() {
        guard let number = MessageMark.find(in: job.body) else { continue }
        let id = job.tube.split(separator: "/").filter { $0 != "FAIL" }.last.flatMap { Int($0) }
        let subscriptions =
          job.tube == Stage.mainQueue
          ? Array(0..<Subscriptions.count) : stage.subscriptionIDs.indices.filter { stage.subscriptionIDs[$0] == id }
        for subscription in subscriptions {
          jobs[Delivery(message: number, subscription: subscription)] =
            "\(job.state) in \(job.tube) of queue server \(server)"
        }
      }
    }
  }

  private mutating func readDataLog(_ stage: ChaosStage) throws {
    let directory = stage.base.file("log")
    for name in try FileManager.default.contentsOfDirectory(atPath: directory) where name.hasPrefix("data") {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: directory + "/" + name))
      for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
        guard let record = RecordLine(line) else {
          brokenLines += 1
          continue
        }
        records[record.kind, default: 0] += 1
        guard ["EXHAUSTED", "REDISTFAIL", "DROPPED"].contains(record.kind),
          let number = MessageMark.find(in: record.payload),
          let subscription = stage.subscriptionIDs.firstIndex(where: { $0 == record.subscription })
        else { continue }
        lines[Delivery(message: number, subscription: subscription)] = "\(record.kind) on the DATA log"
      }
    }
  }

  // MARK: What is known

  /// Of the first deliveries that are missing, and of those that came too often if these are too many.
  func details(of result: ChaosResult, _ ledger: PushLedger, _ publisher: ChaosPublisher) -> [String] {
    let doubled = result.duplicates > result.bound.deliveries ? ledger.doubled(atMost: 10) : []
    let shown = missing.prefix(10) + doubled
    let history = ledger.history(of: Set(shown))
    let publications = publisher.publications
    var text = missing.isEmpty ? [] : ["missing: \(missing.count), of which the first:"]
    for (index, delivery) in shown.enumerated() {
      if index == missing.prefix(10).count { text.append("accepted more than once, of which some:") }
      text.append("message \(MessageMark.text(delivery.message)) at subscription \(delivery.subscription)")
      if let publication = publications[delivery.message] {
        text.append(
          "  \(Self.time(publication.microseconds)) published to queue server \(publication.server) as job \(publication.job)"
        )
      }
      for push in history[delivery] ?? [] {
        text.append("  \(Self.time(push.microseconds)) \(push.outcome), retry_times \(push.retryTimes)")
      }
      for place in [jobs[delivery], lines[delivery]].compactMap({ $0 }) { text.append("  " + place) }
    }
    if left.all > 0 {
      text.append("left in the queues: \(left)")
      for (delivery, place) in jobs.sorted(by: { $0.key < $1.key }).prefix(10) {
        text.append("  \(MessageMark.text(delivery.message)) at subscription \(delivery.subscription): \(place)")
      }
    }
    return text
  }

  /// As the logs have it.
  private static func time(_ microseconds: Int64) -> String {
    var seconds = time_t(microseconds / 1_000_000)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    return String(
      format: "%02d:%02d:%02d.%06dZ", parts.tm_hour, parts.tm_min, parts.tm_sec, Int(microseconds % 1_000_000))
  }
}
