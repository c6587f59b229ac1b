import MEDCore

/// How far DATA logs have been replayed, and with which options: what a position file holds.
///
/// Shape: a head of text lines, then two places for each log that are written in turn, so that a write which a power cut
/// tears leaves the one before. Everything has a checksum, and whole blocks to itself.
/// ```
/// medctl replay position 1
/// options --kind EXHAUSTED
/// log <device> <inode> <bytes that the fingerprint is of> <fingerprint> <path>
/// sum <checksum of the lines before>
/// ```
/// A place: `<number of the write> <offset> <records put> <checksum>`.
struct ReplayPosition: Equatable {
  /// One DATA log.
  struct Log: Equatable {
    /// Absolute, as it was when it was first seen.
    var path: String
    var device: UInt64
    var inode: UInt64
    /// Of the first `fingerprintBytes` bytes: whether it is the same log.
    var fingerprintBytes: Int
    var fingerprint: UInt64
    var place = Place()
  }

  /// How far one log is done.
  struct Place: Equatable {
    /// Rises with each write.
    var number: UInt64 = 0
    /// Where the next line begins.
    var offset: UInt64 = 0
    /// Records put so far.
    var put: UInt64 = 0
  }

  var options: String
  var logs: [Log] = []

  static let magic = Array("medctl replay position 1\n".utf8)
  /// What is overwritten lies alone in blocks of this size, the largest that disks write at once.
  static let block = 4096
  static let maximumLogs = 1_000
  static let maximumBytes = 16 << 20

  // MARK: Writing

  var encoded: [UInt8] {
    var bytes = encodedHead
    for index in logs.indices {
      let place = encoded(logs[index].place, of: index)
      bytes += place + place
    }
    return bytes
  }

  private var encodedHead: [UInt8] {
    var bytes = Self.magic + Array("options \(Self.escaped(options))\n".utf8)
    for log in logs {
      let numbers = "\(log.device) \(log.inode) \(log.fingerprintBytes) \(log.fingerprint)"
      bytes += Array("log \(numbers) \(Self.escaped(log.path))\n".utf8)
    }
    bytes += Array("sum \(Checksum.of(bytes))\n".utf8)
    return Self.padded(bytes)
  }

  /// A place as it is written, of exactly one block.
  func encoded(_ place: Place, of index: Int) -> [UInt8] {
    let text = Self.text(place)
    return Self.padded(Array("\(text) \(checksum(text, index))\n".utf8))
  }

  /// Where the next write of a log's place goes, in bytes from the file's beginning.
  func placeOffset(of index: Int, number: UInt64) -> Int {
    encodedHead.count + (2 * index + Int(number & 1)) * Self.block
  }

  private static func text(_ place: Place) -> String { "\(place.number) \(place.offset) \(place.put)" }

  /// Also over the log: a place that got into another's block isn't taken for its.
  private func checksum(_ text: String, _ index: Int) -> UInt64 {
    Checksum.of(Array("\(index) \(logs[index].fingerprint) \(text)".utf8))
  }

  private static func padded(_ bytes: [UInt8]) -> [UInt8] {
    bytes + [UInt8](repeating: 0x0A, count: (block - bytes.count % block) % block)
  }

  /// On one line whatever it holds.
  private static func escaped(_ text: String) -> String {
    text.utf8.reduce(into: "") { result, byte in
      if byte < 0x20 || byte >= 0x7F || byte == UInt8(ascii: "%") {
        result += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
      } else {
        result.unicodeScalars.append(Unicode.Scalar(byte))
      }
    }
  }

  // MARK: Reading

  /// Why bytes are no position.
  struct Fault: Error, Equatable {
    let message: String
  }

  /// - Parameter bytes: any.
  init(parsing bytes: [UInt8]) throws(Fault) {
    guard bytes.starts(with: Self.magic) else { throw Fault(message: "isn't a position file of medctl replay") }
    var lines = Lines(bytes, from: Self.magic.count)
    guard let options = lines.next(after: "options ").flatMap(Self.unescaped) else { throw Self.damaged }
    self.init(options: options)
    while let line = lines.next(after: "log ") {
      guard let log = Self.log(line), logs.count < Self.maximumLogs else { throw Self.damaged }
      logs.append(log)
    }
    let covered = bytes[..<lines.position]
    guard let sum = lines.next(after: "sum "), sum == "\(Checksum.of(covered))" else { throw Self.damaged }
    let head = encodedHead
    guard bytes.starts(with: head), bytes.count == head.count + 2 * logs.count * Self.block else { throw Self.damaged }
    for index in logs.indices {
      let start = head.count + 2 * index * Self.block
      let places = [0, 1].compactMap { half in
        place(bytes[(start + half * Self.block)..<(start + (half + 1) * Self.block)], of: index)
      }
      guard let latest = places.max(by: { $0.number < $1.number }) else { throw Self.damaged }
      logs[index].place = latest
    }
  }

  init(options: String) { self.options = options }

  private static let damaged = Fault(message: "is damaged")

  private static func log(_ line: String) -> Log? {
    let words = line.split(separator: " ", maxSplits: 4, omittingEmptySubsequences: false)
    guard words.count == 5, let device = UInt64(words[0]), let inode = UInt64(words[1]), let count = Int(words[2]),
      (0...LogFingerprint.maximum).contains(count), let fingerprint = UInt64(words[3]),
      let path = unescaped(String(words[4]))
    else { return nil }
    return Log(path: path, device: device, inode: inode, fingerprintBytes: count, fingerprint: fingerprint)
  }

  private func place(_ block: ArraySlice<UInt8>, of index: Int) -> Place? {
    let words = block.prefix { $0 != 0x0A }.split(separator: 0x20, omittingEmptySubsequences: false)
    let numbers = words.compactMap { UInt64(String(decoding: $0, as: UTF8.self)) }
    guard words.count == 4, numbers.count == 4, numbers[..<3].allSatisfy({ $0 < UInt64(Int64.max) }) else { return nil }
    let place = Place(number: numbers[0], offset: numbers[1], put: numbers[2])
    // As it was written, to the byte.
    return encoded(place, of: index).elementsEqual(block) ? place : nil
  }

  private static func unescaped(_ text: String) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16), rest.count >= 2 else {
        return nil
      }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
  }

  /// The head's lines.
  private struct Lines {
    let bytes: [UInt8]
    private(set) var position: Int

    init(_ bytes: [UInt8], from position: Int) {
      self.bytes = bytes
      self.position = position
    }

    /// What the next line says after `word`; nil, without going on, if it begins otherwise.
    mutating func next(after word: String) -> String? {
      guard bytes[position...].starts(with: word.utf8), let end = bytes[position...].firstIndex(of: 0x0A) else {
        return nil
      }
      defer { position = end + 1 }
      return String(validating: bytes[(position + word.utf8.count)..<end], as: UTF8.self)
    }
  }
}

/// FNV-1a, 64 bits: any single byte that differs is noticed.
/// - Source: draft-eastlake-fnv.
enum Checksum {
  static func of(_ bytes: some Sequence<UInt8>) -> UInt64 {
    bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}

/// By what a DATA log is known again: its lines begin with times to the microsecond, so two logs begin differently.
enum LogFingerprint {
  /// Bytes it is of, if there are as many.
  static let maximum = 4096
  /// With fewer the inode must be the same.
  static let meaningful = 64
}
