import Testing

@testable import MEDCore

@Suite("§7 Snapshot of the subscriptions")
struct SnapshotTests {
  private let subscriptions = [
    Subscription(
      id: 352, topic: "order_paid", topicID: 7, subscriberID: 3, receptionChannel: "http://a/\n[T_ENV:x]http://b/",
      parameters: ["Concurrency": "5", "Own": "ü", "AlerterEmails": ""]),
    Subscription(id: .max, topic: "t", topicID: .min, receptionChannel: ""),
  ]

  @Test func `what is written is read`() throws {
    #expect(try SnapshotFormat.decode(SnapshotFormat.encode(subscriptions)).get() == subscriptions)
    #expect(try SnapshotFormat.decode(SnapshotFormat.encode([])).get() == [])
  }

  @Test func `a file cut off at any byte is refused`() {
    let bytes = SnapshotFormat.encode(subscriptions)
    for length in 0..<bytes.count {
      #expect(throws: SnapshotFormat.Problem.self) { try SnapshotFormat.decode(Array(bytes[..<length])).get() }
    }
  }

  @Test func `a file with any byte changed is refused`() {
    let bytes = SnapshotFormat.encode(subscriptions)
    for index in bytes.indices {
      var damaged = bytes
      damaged[index] ^= 0x41
      #expect(throws: SnapshotFormat.Problem.self) { try SnapshotFormat.decode(damaged).get() }
    }
  }

  @Test func `lengths that promise more than there is are refused though the checksum fits`() {
    // The bytes end where they should, and each one between is made the largest it can be.
    let bytes = SnapshotFormat.encode(subscriptions)
    for index in 8..<bytes.count - 8 {
      var damaged = Array(bytes[..<(bytes.count - 8)])
      damaged[index] = 0xFF
      withUnsafeBytes(of: SnapshotFormat.checksum(damaged[...]).littleEndian) { damaged.append(contentsOf: $0) }
      if case .success(let read) = SnapshotFormat.decode(damaged) { #expect(read.count == subscriptions.count) }
    }
  }

  @Test func `bytes after the end are refused`() {
    var bytes = Array(SnapshotFormat.encode(subscriptions).dropLast(8)) + [0]
    withUnsafeBytes(of: SnapshotFormat.checksum(bytes[...]).littleEndian) { bytes.append(contentsOf: $0) }
    #expect(throws: SnapshotFormat.Problem.damaged) { try SnapshotFormat.decode(bytes).get() }
  }
}
