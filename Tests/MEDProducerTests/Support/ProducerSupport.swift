import Foundation
import MEDCore
import MEDTestSupport
import Testing

@testable import MEDProducer

/// A recover list in memory that does as it is told.
final class MemoryList: RecoverList {
  let place = "memory"
  private let state = MEDTestSupport.Locked<(outcome: RecoverListOutcome, entries: [[UInt8]])>((.pushed, []))

  init(_ outcome: RecoverListOutcome = .pushed) { state.withLock { $0.outcome = outcome } }

  /// The messages on it, unwrapped.
  var messages: [[UInt8]] { state.withLock { $0.entries }.compactMap { try? MessagePack.string($0) } }

  func forget() { state.withLock { $0.entries = [] } }

  func push(_ entries: [[UInt8]]) async -> RecoverListOutcome {
    state.withLock { state in
      if state.outcome == .pushed { state.entries += entries }
      return state.outcome
    }
  }

  func close() async {}
}

/// Quick to notice what hangs.
func configuration(_ addresses: [String]) throws -> ProducerConfiguration {
  var configuration = try ProducerConfiguration(servers: addresses.joined(separator: ","))
  configuration.recoverList = RecoverListConfiguration(server: "memory")
  configuration.connectTimeout = .seconds(2 * Patience.factor)
  configuration.replyTimeout = .milliseconds(500 * Patience.factor)
  configuration.suspicionTime = .milliseconds(100 * Patience.factor)
  return configuration
}

/// Runs `body` with a producer, and closes it.
func withProducer<Result: Sendable>(
  _ configuration: ProducerConfiguration, lists: [any RecoverList] = [],
  _ body: @Sendable (Producer) async throws -> Result
) async throws -> Result {
  let producer = try await Producer.start(configuration, lists: lists)
  do {
    let result = try await body(producer)
    await producer.close(within: .seconds(5))
    return result
  } catch {
    await producer.close(within: .zero)
    throw error
  }
}

/// The message with this number.
func message(_ number: Int, padding: Int = 0) -> Message {
  Message(
    topic: "order_paid", json: "\"\(MessageMark.text(number))\(String(repeating: "x", count: padding))\"")
}

/// Each in a call of its own, all at once.
func publishTogether(
  _ numbers: Range<Int>, with producer: Producer
) async -> [Int: Result<Publication, ProducerError>] {
  await withTaskGroup(of: (Int, Result<Publication, ProducerError>).self) { group in
    for number in numbers {
      group.addTask { (number, await producer.publish([message(number)])[0]) }
    }
    var results: [Int: Result<Publication, ProducerError>] = [:]
    for await (number, result) in group { results[number] = result }
    return results
  }
}

extension BeanstalkdServer {
  /// As a publication names it.
  var name: QueueServerAddress { QueueServerAddress(host: "127.0.0.1", port: port) }

  /// The numbers of the messages in its main queue, with repetitions.
  func numbers() throws -> [Int] {
    try everyJob().filter { $0.tube == ProducerConfiguration.defaultMainQueue }
      .compactMap { MessageMark.find(in: $0.body) }
  }
}

extension MemoryList {
  var numbers: [Int] { messages.compactMap { MessageMark.find(in: $0) } }
}

extension Sequence<Result<Publication, ProducerError>> {
  var places: [Publication.Place] { compactMap { try? $0.get().place } }
  var errors: [ProducerError] { compactMap { if case .failure(let error) = $0 { error } else { nil } } }
}

/// Keeps `server` from getting more memory than it has.
func starve(_ server: BeanstalkdServer) async throws {
  let pages = try #require(
    try String(contentsOfFile: "/proc/\(server.process.pid)/statm", encoding: .utf8).split(separator: " ").first)
  let used = try #require(Int(pages)) * sysconf(Int32(_SC_PAGESIZE))
  let run = try await ServerProcess.run("prlimit", ["--pid", "\(server.process.pid)", "--as=\(used + 65_536)"])
  try #require(run.status == .code(0), "\(run.errors)")
}
