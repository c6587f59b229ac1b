import Foundation
import MEDLoop

/// Which messages were published, and which have arrived at the subscription of their topic that stays.
///
/// Message n belongs to topic n mod topics. A bit for each message: an hour at any rate fits.
final class SoakLedger: Sendable {
  private struct State {
    var taken = 0
    var published = 0
    var bits: [UInt64] = []
    var arrived = 0
    var requests = 0
  }

  let topics: Int
  private let state = Locked(State())

  init(topics: Int) { self.topics = topics }

  func topic(of number: Int) -> String { "topic\(number % topics)" }

  /// The numbers of the next messages, which whoever takes them must get confirmed.
  func take(_ count: Int) -> Range<Int> {
    state.withLock { state in
      defer { state.taken += count }
      return state.taken..<state.taken + count
    }
  }

  func confirm(_ count: Int) { state.withLock { $0.published += count } }

  /// - Parameter body: `{"n":<number>}`
  func arrive(_ body: [UInt8], isStable: Bool) {
    let digits = body.drop { !(0x30...0x39).contains($0) }.prefix { (0x30...0x39).contains($0) }
    let number = Int(String(decoding: digits, as: UTF8.self))
    state.withLock { state in
      state.requests += 1
      guard isStable, let number, number >= 0, number < 1 << 34 else { return }
      let word = number / 64
      while state.bits.count <= word { state.bits.append(0) }
      let bit: UInt64 = 1 << UInt64(number % 64)
      if state.bits[word] & bit == 0 { state.arrived += 1 }
      state.bits[word] |= bit
    }
  }

  var published: Int { state.withLock { $0.published } }
  var arrived: Int { state.withLock { $0.arrived } }
  var requests: Int { state.withLock { $0.requests } }

  /// Those that were published and haven't arrived, when all that were taken are confirmed.
  func missing() -> [Int] {
    state.withLock { state in
      (0..<state.taken).filter { number in
        let word = number / 64
        return word >= state.bits.count || state.bits[word] & 1 << UInt64(number % 64) == 0
      }
    }
  }
}
