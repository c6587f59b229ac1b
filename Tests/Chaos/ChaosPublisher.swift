import Foundation
import MEDApp
import MEDCore
import MEDLoop
import TestStage

import enum MEDTestSupport.MessageMark
import class MEDTestSupport.PlainBeanstalk

/// Publishes in bursts, over a thread for each queue server, one message at a time with its answer.
///
/// Only what was answered INSERTED is owed to the subscribers. A message whose answer never came may be stored or not; its
/// number is given up and another one takes its place.
final class ChaosPublisher: Sendable {
  struct Publication {
    let server: Int
    let job: UInt64
    let microseconds: Int64
  }

  private struct State {
    var allowed = 0
    var next = 0
    var underWay = 0
    var confirmed: [Int: Publication] = [:]
    var unanswered: Set<Int> = []
    var isStopped = false
  }

  private let servers: [QueueServerAddress]
  private let state = Locked(State())

  init(_ servers: [QueueServerAddress]) { self.servers = servers }

  /// Lets so many more be published.
  func allow(_ count: Int) { state.withLock { $0.allowed += count } }

  var published: Int { state.withLock { $0.confirmed.count } }
  var unanswered: Int { state.withLock { $0.unanswered.count } }
  var isDone: Bool { state.withLock { $0.confirmed.count >= $0.allowed } }
  /// Those that are owed, by number.
  var publications: [Int: Publication] { state.withLock { $0.confirmed } }

  func start() {
    for server in servers.indices {
      let thread = Thread { [self] in run(server) }
      thread.name = "publisher \(server)"
      thread.start()
    }
  }

  func stop() { state.withLock { $0.isStopped = true } }

  private func run(_ first: Int) {
    var turn = first
    var client: PlainBeanstalk?
    while !state.withLock({ $0.isStopped }) {
      guard let number = take() else {
        usleep(2_000)  // why: the next burst is some time off
        continue
      }
      do {
        let connected = try client ?? PlainBeanstalk(port: servers[turn].port)
        client = connected
        let id = try connected.put(Self.message(number), into: Stage.mainQueue)
        settle(number, Publication(server: turn, job: id, microseconds: unixMicroseconds()))
      } catch {
        // Another server from now on, and back to its own when that one fails.
        settle(number, nil)
        client = nil
        turn = (turn + 1) % servers.count
        usleep(10_000)  // why: a server that was killed is back soon
      }
    }
  }

  private func take() -> Int? {
    state.withLock { state in
      guard state.confirmed.count + state.underWay < state.allowed else { return nil }
      state.underWay += 1
      state.next += 1
      return state.next - 1
    }
  }

  private func settle(_ number: Int, _ publication: Publication?) {
    state.withLock { state in
      state.underWay -= 1
      if let publication { state.confirmed[number] = publication } else { state.unanswered.insert(number) }
    }
  }

  /// Of different sizes, some of them long.
  private static func message(_ number: Int) throws -> [UInt8] {
    let padding = String(repeating: "x", count: number % 997 == 0 ? 30_000 : number * 37 % 400)
    let text = #"{"id":"\#(MessageMark.text(number))","text":"\#(padding)"}"#
    return try OutgoingMessage(topic: Subscriptions.topic, json: Array(text.utf8)).job().body
  }
}

/// Unix time.
func unixMicroseconds() -> Int64 {
  var now = timespec()
  clock_gettime(CLOCK_REALTIME, &now)
  return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1_000
}
