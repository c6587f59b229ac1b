import Foundation
import MEDCore

/// Takes the state and writes it as JSON, once for all who ask at about the same time: however many ask, and however
/// often, the dispatcher is asked ten times a second at most.
actor StateSource {
  static let freshness = Duration.milliseconds(100)

  private let state: @Sendable () async -> DispatcherState?
  private var isTaking = false
  private var waiting: [CheckedContinuation<DispatcherState?, Never>] = []
  private var taken: (state: DispatcherState?, at: ContinuousClock.Instant)?
  private var written: [Bool: [UInt8]] = [:]

  init(_ state: @escaping @Sendable () async -> DispatcherState?) { self.state = state }

  /// nil: nothing runs.
  func json(isPretty: Bool) async -> [UInt8]? {
    guard let state = await recentState() else { return nil }
    if let json = written[isPretty] { return json }
    let json = try? state.json(isPretty: isPretty)
    written[isPretty] = json
    return json
  }

  private func recentState() async -> DispatcherState? {
    if let taken, ContinuousClock.now - taken.at < Self.freshness { return taken.state }
    if isTaking { return await withCheckedContinuation { waiting.append($0) } }
    isTaking = true
    let state = await self.state()
    isTaking = false
    taken = (state, .now)
    written = [:]
    let whoWaited = waiting
    waiting = []
    for continuation in whoWaited { continuation.resume(returning: state) }
    return state
  }
}

extension DispatcherState {
  /// Names in snake case and in order.
  public func json(isPretty: Bool = false) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if isPretty { encoder.outputFormatting.insert(.prettyPrinted) }
    return [UInt8](try encoder.encode(self))
  }

  /// Reads what ``json(isPretty:)`` wrote.
  public init(json: [UInt8]) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    self = try decoder.decode(Self.self, from: Data(json))
  }
}
