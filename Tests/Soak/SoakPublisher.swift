import Foundation
import MEDApp
import MEDCore
import MEDLoop

/// Publishes at a steady rate, to another queue server when one fails: a message counts when its put was confirmed.
final class SoakPublisher: Sendable {
  private static let batch = 20

  private let servers: [QueueServerAddress]
  private let ledger: SoakLedger
  private let rate: Int
  private let isStopped = Locked(false)
  private let isDone = DispatchSemaphore(value: 0)

  init(_ servers: [QueueServerAddress], ledger: SoakLedger, rate: Int) {
    self.servers = servers
    self.ledger = ledger
    self.rate = rate
  }

  func start() {
    let thread = Thread { [self] in
      run()
      isDone.signal()
    }
    thread.name = "publisher"
    thread.start()
  }

  /// Returns when the last message is confirmed.
  func stop() {
    isStopped.withLock { $0 = true }
    isDone.wait()
  }

  private func run() {
    var publisher: BeanstalkPublisher?
    var turn = 0
    var next = 0
    var due = ContinuousClock.now
    while !isStopped.withLock({ $0 }) {
      let numbers = next..<next + Self.batch
      do {
        if publisher == nil {
          turn += 1
          let order = servers.indices.map { servers[($0 + turn) % servers.count] }
          publisher = try BeanstalkPublisher(servers: order, tube: SoakStage.mainQueue)
        }
        try publisher?.publish(numbers.map { try job($0) })
      } catch {
        // Stored or not: those that were come twice.
        publisher = nil
        usleep(20_000)  // why: a server that died is back soon
        due = max(due, .now)
        continue
      }
      next = numbers.upperBound
      ledger.publish(upTo: next)
      due += .nanoseconds(1_000_000_000 * Self.batch / rate)
      // What was missed while all servers were away isn't made up for by a burst.
      due = max(due, .now - .seconds(1))
      let left = due - .now
      if left > .zero { usleep(UInt32(left / .microseconds(1))) }  // why: the pace
      // Another server now and then: all of them are used.
      if next % (Self.batch * 500) == 0 { publisher = nil }
    }
  }

  private func job(_ number: Int) throws -> PublishJob {
    try OutgoingMessage(topic: ledger.topic(of: number), json: Array(#"{"n":\#(number)}"#.utf8)).job()
  }
}
