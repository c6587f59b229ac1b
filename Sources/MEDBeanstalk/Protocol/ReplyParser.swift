import Glibc

/// Reads replies off the bytes that have come so far.
///
/// Pure and total: it holds nothing between calls, whatever the bytes are it answers, and it never looks beyond its
/// bounds. One call reads one reply.
public struct ReplyParser: Sendable {
  /// The longest line a server writes is `USING <200 bytes>`.
  public static let maximumLine = 1024

  /// The largest body that is accepted, in bytes.
  public var maximumBody: Int

  /// A parser that refuses bodies of more than `maximumBody` bytes.
  public init(maximumBody: Int = 64 << 20) { self.maximumBody = maximumBody }

  /// What was found at the beginning of the bytes.
  public enum Step: Equatable {
    /// Incomplete; pointless to ask again before `total` bytes are there.
    case needMore(total: Int)
    /// A reply that took `consumed` bytes. Its ranges count from the beginning of those bytes.
    case reply(Reply, consumed: Int)
    /// No reply: the connection can't be trusted any more.
    case violation(Violation)
  }

  /// Why bytes are no reply.
  public enum Violation: Equatable {
    /// More than ``ReplyParser/maximumLine`` bytes without an end.
    case lineTooLong
    /// A line that no reply begins with.
    case unknownWord
    /// No decimal number, or one that is too large, where one belongs.
    case badNumber
    /// A body of more than ``ReplyParser/maximumBody`` bytes is announced.
    case bodyTooLong
    /// A body isn't followed by CR LF.
    case noLineEndAfterBody
  }

  /// Reads the reply that `bytes` begin with.
  public func next(in bytes: Span<UInt8>) -> Step {
    let window = min(bytes.count, Self.maximumLine)
    guard let newline = Self.newline(in: bytes, upTo: window) else {
      return window == Self.maximumLine ? .violation(.lineTooLong) : .needMore(total: bytes.count + 1)
    }
    guard newline >= 1, bytes[newline - 1] == UInt8(ascii: "\r") else { return .violation(.unknownWord) }
    var line = LineCursor(end: newline - 1)
    return parse(&line, bytes, afterLine: newline + 1)
  }

  private static func newline(in bytes: Span<UInt8>, upTo limit: Int) -> Int? {
    bytes.withUnsafeBytes { raw in
      guard let base = raw.baseAddress, let found = memchr(base, Int32(UInt8(ascii: "\n")), limit) else { return nil }
      return UnsafeRawPointer(found) - base
    }
  }

  /// Tells the words apart by their first letters, then checks the whole word.
  private func parse(_ line: inout LineCursor, _ bytes: Span<UInt8>, afterLine: Int) -> Step {
    switch line.end > 0 ? bytes[0] : 0 {
    case UInt8(ascii: "I"):
      if line.take("INSERTED ", bytes) { return number(&line, bytes, afterLine) { .inserted($0) } }
      return plain(line, bytes, "INTERNAL_ERROR", .internalError, afterLine)
    case UInt8(ascii: "R"):
      if line.take("RESERVED ", bytes) { return job(&line, bytes, afterLine) { .reserved($0, body: $1) } }
      return plain(line, bytes, "RELEASED", .released, afterLine)
    case UInt8(ascii: "B"):
      if line.take("BURIED ", bytes) { return number(&line, bytes, afterLine) { .insertedBuried($0) } }
      if line.isAll("BURIED", bytes) { return .reply(.buried, consumed: afterLine) }
      return plain(line, bytes, "BAD_FORMAT", .badFormat, afterLine)
    case UInt8(ascii: "D"):
      if line.isAll("DELETED", bytes) { return .reply(.deleted, consumed: afterLine) }
      if line.isAll("DEADLINE_SOON", bytes) { return .reply(.deadlineSoon, consumed: afterLine) }
      return plain(line, bytes, "DRAINING", .draining, afterLine)
    case UInt8(ascii: "T"):
      if line.isAll("TIMED_OUT", bytes) { return .reply(.timedOut, consumed: afterLine) }
      return plain(line, bytes, "TOUCHED", .touched, afterLine)
    case UInt8(ascii: "K"):
      if line.take("KICKED ", bytes) { return count(&line, bytes, afterLine) { .kickedCount($0) } }
      return plain(line, bytes, "KICKED", .kicked, afterLine)
    case UInt8(ascii: "N"):
      if line.isAll("NOT_FOUND", bytes) { return .reply(.notFound, consumed: afterLine) }
      return plain(line, bytes, "NOT_IGNORED", .notIgnored, afterLine)
    case UInt8(ascii: "U"):
      if line.take("USING ", bytes) { return .reply(.using(name: line.rest), consumed: afterLine) }
      return plain(line, bytes, "UNKNOWN_COMMAND", .unknownCommand, afterLine)
    case UInt8(ascii: "O"):
      if line.take("OK ", bytes) { return body(&line, bytes, afterLine) { .ok(body: $0) } }
      return plain(line, bytes, "OUT_OF_MEMORY", .outOfMemory, afterLine)
    case UInt8(ascii: "W"):
      guard line.take("WATCHING ", bytes) else { return .violation(.unknownWord) }
      return count(&line, bytes, afterLine) { .watching($0) }
    case UInt8(ascii: "F"):
      guard line.take("FOUND ", bytes) else { return .violation(.unknownWord) }
      return job(&line, bytes, afterLine) { .found($0, body: $1) }
    case UInt8(ascii: "J"): return plain(line, bytes, "JOB_TOO_BIG", .jobTooBig, afterLine)
    case UInt8(ascii: "E"): return plain(line, bytes, "EXPECTED_CRLF", .expectedCRLF, afterLine)
    case UInt8(ascii: "P"): return plain(line, bytes, "PAUSED", .paused, afterLine)
    default: return .violation(.unknownWord)
    }
  }

  private func plain(
    _ line: LineCursor, _ bytes: Span<UInt8>, _ word: StaticString, _ reply: Reply, _ afterLine: Int
  ) -> Step {
    line.isAll(word, bytes) ? .reply(reply, consumed: afterLine) : .violation(.unknownWord)
  }

  private func number(
    _ line: inout LineCursor, _ bytes: Span<UInt8>, _ afterLine: Int, _ make: (UInt64) -> Reply
  ) -> Step {
    guard let number = line.number(bytes), line.isAtEnd else { return .violation(.badNumber) }
    return .reply(make(number), consumed: afterLine)
  }

  private func count(
    _ line: inout LineCursor, _ bytes: Span<UInt8>, _ afterLine: Int, _ make: (Int) -> Reply
  ) -> Step {
    guard let number = line.number(bytes), line.isAtEnd, let count = Int(exactly: number) else {
      return .violation(.badNumber)
    }
    return .reply(make(count), consumed: afterLine)
  }

  private func job(
    _ line: inout LineCursor, _ bytes: Span<UInt8>, _ afterLine: Int, _ make: (UInt64, Range<Int>) -> Reply
  ) -> Step {
    guard let id = line.number(bytes), line.take(" ", bytes) else { return .violation(.badNumber) }
    return body(&line, bytes, afterLine) { make(id, $0) }
  }

  private func body(
    _ line: inout LineCursor, _ bytes: Span<UInt8>, _ afterLine: Int, _ make: (Range<Int>) -> Reply
  ) -> Step {
    guard let number = line.number(bytes), line.isAtEnd else { return .violation(.badNumber) }
    guard let length = Int(exactly: number), length <= maximumBody else { return .violation(.bodyTooLong) }
    let end = afterLine + length
    guard bytes.count >= end + 2 else { return .needMore(total: end + 2) }
    guard bytes[end] == UInt8(ascii: "\r"), bytes[end + 1] == UInt8(ascii: "\n") else {
      return .violation(.noLineEndAfterBody)
    }
    return .reply(make(afterLine..<end), consumed: end + 2)
  }
}

/// A place on one line; `end` is where its CR LF begins.
private struct LineCursor {
  let end: Int
  private var position = 0

  init(end: Int) { self.end = end }

  var isAtEnd: Bool { position == end }
  var rest: Range<Int> { position..<end }

  func isAll(_ word: StaticString, _ bytes: Span<UInt8>) -> Bool {
    end - position == word.utf8CodeUnitCount && hasPrefix(word, bytes)
  }

  mutating func take(_ word: StaticString, _ bytes: Span<UInt8>) -> Bool {
    guard end - position >= word.utf8CodeUnitCount, hasPrefix(word, bytes) else { return false }
    position += word.utf8CodeUnitCount
    return true
  }

  private func hasPrefix(_ word: StaticString, _ bytes: Span<UInt8>) -> Bool {
    bytes.withUnsafeBytes { raw in
      guard let base = raw.baseAddress else { return false }
      return memcmp(base + position, word.utf8Start, word.utf8CodeUnitCount) == 0
    }
  }

  /// One or more digits, at most UInt64.max.
  mutating func number(_ bytes: Span<UInt8>) -> UInt64? {
    let start = position
    var value: UInt64 = 0
    while position < end {
      let digit = bytes[position] &- UInt8(ascii: "0")
      if digit > 9 { break }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
      if overflow || carry { return nil }
      value = sum
      position += 1
    }
    return position > start ? value : nil
  }
}
