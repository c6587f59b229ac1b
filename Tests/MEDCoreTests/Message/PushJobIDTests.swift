import Foundation
import Testing

@testable import MEDCore

@Suite("§5 The subscriber's jobid")
struct PushJobIDTests {
  @Test func `it is time, main queue job and subscription`() throws {
    let envelope = try Envelope(message(("MsgKey", "t"), ("Time", 1_700_000_000.5), ("OriginJobId", 42)))
    #expect(envelope.pushJobID(subscription: 352) == "1700000000.500000-42-352")
  }

  @Test func `it stays the same when a retry is counted`() throws {
    let envelope = try Envelope(validMessages[1])
    let retried = try Envelope(envelope.setting(retryTimes: 9, logID: 5))
    #expect(retried.pushJobID(subscription: 1) == envelope.pushJobID(subscription: 1))
  }

  @Test func `without a time and a job it has zeros`() throws {
    #expect(try Envelope(message(("MsgKey", "t"))).pushJobID(subscription: 1) == "0.000000-0-1")
  }

  @Test(
    arguments: [
      0, -0.0, 0.5, -1.5, 0.9999995, 0.9999994999999999, 0.0000005, 0.00000049, 0.0000015, 1e-300,
      .leastNonzeroMagnitude, 1e15, 1e16,
      9_007_199_254_740_991.5, 9_007_199_254_740_992, 0x1p63, 0x1p64, 0x1p65, 1e22, 1e100, -1e300,
      .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 1_700_000_000.123456, 1_700_000_000.9999999, 2.5e-7,
      7.8125e-3,
      0x1p-20, 0x1.8p-20, 0x1p-7,
    ] as [Double])
  func `six decimals are exact at every magnitude`(value: Double) {
    #expect(text(value) == String(format: "%.6f", value))
  }

  @Test func `six decimals are exact for any bits`() {
    var random = SplitMix(state: 5)
    for _ in 0..<5000 {
      let any = Double(bitPattern: random.next())
      if any.isFinite { #expect(text(any) == String(format: "%.6f", any)) }
      let usual = Double.random(in: 0...4e9, using: &random)
      #expect(text(usual) == String(format: "%.6f", usual))
      // Ties: half a millionth more than a multiple can only be told exactly with few bits.
      let tie = Double(UInt32.random(in: 0...999, using: &random)) / 128
      #expect(text(tie) == String(format: "%.6f", tie))
    }
  }

  private func text(_ value: Double) -> String {
    var output = OutputBuffer(capacity: 0)
    SixDecimals(value).write(to: &output)
    return output.string
  }
}
