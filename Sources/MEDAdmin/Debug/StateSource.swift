import Foundation
import MEDCore

/// Takes the state and writes it as JSON: however many ask, and however often, the dispatcher is asked ten times a second
/// at most.
actor StateSource {
  static let freshness = Duration.milliseconds(100)

  private let states: RecentValue<DispatcherState?>
  private var written: [Bool: [UInt8]] = [:]
  /// Which state that is of.
  private var number = 0

  init(_ state: @escaping @Sendable () async -> DispatcherState?) {
    states = RecentValue(freshness: Self.freshness, state)
  }

  /// nil: nothing runs.
  func json(isPretty: Bool) async -> [UInt8]? {
    let latest = await states.latest()
    guard let state = latest.value else { return nil }
    if latest.number != number { (written, number) = ([:], latest.number) }
    if let json = written[isPretty] { return json }
    let json = try? state.json(isPretty: isPretty)
    written[isPretty] = json
    return json
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
