import Foundation
import MEDApp
import MEDCore
import MEDLoop
import TestStage

/// Publishes at a steady rate, over a thread for each queue server, so that one that hangs holds up its own share alone.
/// A batch that fails goes to another server, until it is confirmed.
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
    for first in servers.indices {
      let thread = Thread { [self] in
        run(first)
        isDone.signal()
      }
      thread.name = "publisher \(first)"
      thread.start()
    }
  }

  /// Returns when the last message is confirmed.
  func stop() {
    isStopped.withLock { $0 = true }
    for _ in servers { isDone.wait() }
  }

  private func run(_ first: Int) {
    let pause = Duration.nanoseconds(1_000_000_000 * Self.batch * servers.count / rate)
    var publisher: BeanstalkPublisher?
    var due = ContinuousClock.now
    while !isStopped.withLock({ $0 }) {
      publish(ledger.take(Self.batch), first, &publisher)
      // What was missed while a server was away isn't made up for by a burst.
      due = max(due + pause, .now - .seconds(1))
      let left = due - .now
      if left > .zero { usleep(UInt32(left / .microseconds(1))) }  // why: the pace
    }
  }

  private func publish(_ numbers: Range<Int>, _ first: Int, _ publisher: inout BeanstalkPublisher?) {
    var turn = first
    while true {
      do {
        if publisher == nil {
          let order = servers.indices.map { servers[($0 + turn) % servers.count] }
          publisher = try BeanstalkPublisher(servers: order, tube: Stage.mainQueue)
        }
        try publisher?.publish(numbers.map { try job($0) })
        return ledger.confirm(numbers.count)
      } catch {
        // Stored or not: those that were come twice.
        publisher = nil
        turn += 1
        usleep(20_000)  // why: a server that died is back soon
      }
    }
  }

  private func job(_ number: Int) throws -> PublishJob {
    try OutgoingMessage(topic: ledger.topic(of: number), json: Array(#"{"n":\#(number)}"#.utf8)).job()
  }
}
