import Foundation
import Glibc
import MEDTestSupport

/// What became of a push at the receiver.
enum PushOutcome: UInt8 {
  /// Noted before the answer: from here on the message counts as delivered.
  case accepted = 1
  /// The answer of one that was accepted is out as a whole, and the dispatcher was there. If it comes again after this, the
  /// dispatcher has pushed it twice.
  case answered
  /// The dispatcher had hung up before.
  case unheard
  /// The subscriber never takes it, or not at the first time.
  case refused
  case failed, garbage, hung, hungUp
}

/// A line of the receiver's record, 16 bytes, in one write that outlives the process that made it.
struct PushRecord {
  static let size = 16

  let microseconds: Int64
  let outcome: PushOutcome
  let number: Int
  let subscription: Int
  let retryTimes: Int

  init(outcome: PushOutcome, number: Int, subscription: Int, retryTimes: Int) {
    microseconds = unixMicroseconds()
    self.outcome = outcome
    self.number = number
    self.subscription = subscription
    self.retryTimes = retryTimes
  }

  init?(_ bytes: UnsafeRawBufferPointer) {
    guard let outcome = PushOutcome(rawValue: bytes[14]) else { return nil }
    microseconds = bytes.loadUnaligned(as: Int64.self)
    number = Int(bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
    subscription = Int(bytes[12])
    retryTimes = Int(bytes[13])
    self.outcome = outcome
  }

  fileprivate func write(to bytes: UnsafeMutableRawBufferPointer) {
    bytes.storeBytes(of: microseconds, as: Int64.self)
    bytes.storeBytes(of: UInt32(number), toByteOffset: 8, as: UInt32.self)
    bytes[12] = UInt8(subscription)
    bytes[13] = UInt8(clamping: retryTimes)
    bytes[14] = outcome.rawValue
    bytes[15] = 0
  }
}

final class PushRecordWriter: Sendable {
  private let file: Int32

  init(_ path: String) throws {
    file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw SystemError("open \(path)") }
  }

  deinit { close(file) }

  /// What can't be noted must not be answered: a receiver that is in this position ends.
  func append(_ record: PushRecord) {
    withUnsafeTemporaryAllocation(byteCount: PushRecord.size, alignment: 8) { bytes in
      record.write(to: bytes)
      if Glibc.write(file, bytes.baseAddress, bytes.count) != bytes.count { abort() }
    }
  }
}
