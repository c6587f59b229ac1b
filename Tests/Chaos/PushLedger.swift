import Foundation
import Glibc
import MEDTestSupport

/// What the receiver's record says, read on and on while it grows.
final class PushLedger {
  private let file: Int32
  private var offset: off_t = 0
  /// How often each message was accepted, and answered, at each subscription.
  private var accepted: [UInt8] = []
  private var answered: [UInt8] = []
  /// Distinct deliveries.
  private(set) var delivered = 0
  /// Deliveries that were answered more than once, each time after the first.
  private(set) var duplicates = 0
  private(set) var pushes = 0

  init(_ path: String) throws {
    file = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw SystemError("open \(path)") }
  }

  deinit { close(file) }

  func isAccepted(_ number: Int, _ subscription: Int) -> Bool { count(accepted, number, subscription) > 0 }

  /// Reads what is new.
  func readOn() {
    offset = Self.read(file, from: offset) { note($0) }
  }

  /// All that the record says of these deliveries; reads the whole file.
  func history(of deliveries: Set<Delivery>) -> [Delivery: [PushRecord]] {
    var found: [Delivery: [PushRecord]] = [:]
    _ = Self.read(file, from: 0) { record in
      let delivery = Delivery(message: record.number, subscription: record.subscription)
      if deliveries.contains(delivery) { found[delivery, default: []].append(record) }
    }
    return found
  }

  /// The deliveries that were answered more than once.
  func doubled(atMost limit: Int) -> [Delivery] {
    answered.indices.lazy.filter { self.answered[$0] > 1 }.prefix(limit).map {
      Delivery(message: $0 / Subscriptions.count, subscription: $0 % Subscriptions.count)
    }
  }

  private func count(_ counts: [UInt8], _ number: Int, _ subscription: Int) -> UInt8 {
    let index = number * Subscriptions.count + subscription
    return index < counts.count ? counts[index] : 0
  }

  private func note(_ record: PushRecord) {
    let index = record.number * Subscriptions.count + record.subscription
    if index >= accepted.count {
      let more = repeatElement(UInt8(0), count: index + 1 - accepted.count)
      accepted += more
      answered += more
    }
    switch record.outcome {
    case .accepted:
      if accepted[index] == 0 { delivered += 1 }
      if accepted[index] < .max { accepted[index] += 1 }
      pushes += 1
    case .answered:
      if answered[index] > 0 { duplicates += 1 }
      if answered[index] < .max { answered[index] += 1 }
    default: pushes += 1
    }
  }

  /// - Returns: where to read on; a record that is being written is left for later.
  private static func read(_ file: Int32, from start: off_t, _ body: (PushRecord) -> Void) -> off_t {
    var offset = start
    var chunk = [UInt8](repeating: 0, count: PushRecord.size << 12)
    while true {
      let count = pread(file, &chunk, chunk.count, offset)
      let whole = max(0, count) / PushRecord.size
      guard whole > 0 else { return offset }
      chunk.withUnsafeBytes { bytes in
        for index in 0..<whole {
          let start = index * PushRecord.size
          let record = PushRecord(UnsafeRawBufferPointer(rebasing: bytes[start..<start + PushRecord.size]))
          if let record { body(record) }
        }
      }
      offset += off_t(whole * PushRecord.size)
    }
  }
}

/// One message at one subscription.
struct Delivery: Hashable, Comparable {
  let message: Int
  let subscription: Int

  static func < (a: Delivery, b: Delivery) -> Bool { (a.message, a.subscription) < (b.message, b.subscription) }
}
