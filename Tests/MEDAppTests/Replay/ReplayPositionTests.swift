import Testing

@testable import MEDApp

@Suite("§14 What a position file holds")
struct ReplayPositionTests {
  private var position: ReplayPosition {
    var position = ReplayPosition(options: "--kind EXHAUSTED --topic \"a%\nb\"")
    position.logs = [
      .init(path: "/var/log/a b%\n.log", device: 1, inode: 2, fingerprintBytes: 4096, fingerprint: .max),
      .init(
        path: "/é", device: 3, inode: 4, fingerprintBytes: 0, fingerprint: 5,
        place: .init(number: 7, offset: 4711, put: 12)),
    ]
    return position
  }

  @Test func `it reads what it writes`() throws {
    #expect(try ReplayPosition(parsing: position.encoded) == position)
    let empty = ReplayPosition(options: "")
    #expect(try ReplayPosition(parsing: empty.encoded) == empty)
  }

  @Test func `places have blocks of their own, written in turn`() {
    let head = position.encoded.count - 4 * ReplayPosition.block
    #expect(head % ReplayPosition.block == 0)
    #expect(position.placeOffset(of: 0, number: 0) == head)
    #expect(position.placeOffset(of: 0, number: 1) == head + ReplayPosition.block)
    #expect(position.placeOffset(of: 1, number: 8) == head + 2 * ReplayPosition.block)
    #expect(position.encoded(.init(number: .max, offset: .max, put: .max), of: 0).count == ReplayPosition.block)
  }

  @Test func `a write that was torn leaves the place before it`() throws {
    var position = position
    let before = position.encoded
    let place = ReplayPosition.Place(number: 8, offset: 9999, put: 13)
    let written = position.encoded(place, of: 1)
    let start = position.placeOffset(of: 1, number: 8)
    let textEnd = written.firstIndex(of: 0x0A) ?? 0
    for cut in Array(0...textEnd + 2) + [written.count / 2, written.count] {
      var bytes = before
      bytes.replaceSubrange(start..<start + cut, with: written[..<cut])
      let read = try ReplayPosition(parsing: bytes).logs[1].place
      #expect(read == position.logs[1].place || read == place)
    }
    var bytes = before
    bytes.replaceSubrange(start..<start + written.count, with: [UInt8](repeating: 0, count: written.count))
    #expect(try ReplayPosition(parsing: bytes) == position)
    position.logs[1].place = place
    bytes.replaceSubrange(start..<start + written.count, with: written)
    #expect(try ReplayPosition(parsing: bytes) == position)
  }

  @Test func `whatever byte differs, no other position is read than one that was written`() {
    let whole = position.encoded
    for index in whole.indices where whole[index] != 0x0A || index % 997 == 0 {
      var bytes = whole
      bytes[index] ^= 0x11
      guard let read = try? ReplayPosition(parsing: bytes) else { continue }
      // One of the two copies of a place is enough.
      #expect(read == position)
    }
  }

  @Test func `a file that was cut is refused`() {
    let whole = position.encoded
    for end in stride(from: 0, to: whole.count, by: 31) {
      #expect(throws: ReplayPosition.Fault.self) { try ReplayPosition(parsing: Array(whole[..<end])) }
    }
    #expect(throws: ReplayPosition.Fault.self) { try ReplayPosition(parsing: whole + [0x0A]) }
  }

  @Test func `another log's place isn't taken`() {
    var bytes = position.encoded
    let block = ReplayPosition.block
    let first = position.placeOffset(of: 0, number: 0)
    let second = position.placeOffset(of: 1, number: 0)
    bytes.replaceSubrange(first..<first + 2 * block, with: bytes[second..<second + 2 * block])
    #expect(throws: ReplayPosition.Fault(message: "is damaged")) { try ReplayPosition(parsing: bytes) }
  }

  @Test(arguments: ["", "x", "medctl replay position 2\n", "medctl replay position 1\nlog 1\n"])
  func `something else is refused`(text: String) {
    #expect(throws: ReplayPosition.Fault.self) { try ReplayPosition(parsing: Array(text.utf8)) }
  }
}
