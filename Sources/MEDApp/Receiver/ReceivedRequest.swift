import Glibc

/// One HTTP request within a read buffer: where its parts are, nothing copied. Bounded, total on any input.
struct ReceivedRequest {
  static let maximumHead = 64 << 10
  static let maximumBody = 64 << 20

  enum Outcome {
    case incomplete
    /// The head is there and the client waits for leave to send the body.
    case wantsContinue
    case complete(ReceivedRequest)
    /// Nothing after this can be understood: answer with `status` and hang up.
    case malformed(status: Int)
  }

  /// The request target, and within it the path before `?`.
  var target = 0..<0
  var path = 0..<0
  var body = 0..<0
  var isKeptAlive = true
  /// Where the next request begins.
  var end = 0

  /// Reads the request that begins at `start`. Ranges are offsets in `bytes`.
  static func parse(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Outcome {
    var request = ReceivedRequest()
    var position = start
    var contentLength = 0
    var expects = false
    guard let first = nextLine(bytes, &position) else { return unfinished(bytes.count - start) }
    guard request.readRequestLine(bytes, first) else { return .malformed(status: 400) }
    while true {
      guard let line = nextLine(bytes, &position) else { return unfinished(bytes.count - start) }
      if line.isEmpty { break }
      guard position - start <= maximumHead else { return .malformed(status: 431) }
      if matches(bytes, line, "content-length:") {
        guard let number = number(bytes, value(bytes, line, after: 15)), number <= maximumBody else {
          return .malformed(status: 413)
        }
        contentLength = number
      } else if matches(bytes, line, "transfer-encoding:") {
        return .malformed(status: 501)
      } else if matches(bytes, line, "connection:") {
        if matches(bytes, value(bytes, line, after: 11), "close") { request.isKeptAlive = false }
      } else if matches(bytes, line, "expect:") {
        expects = true
      }
    }
    guard bytes.count - position >= contentLength else {
      return expects && bytes.count == position ? .wantsContinue : .incomplete
    }
    request.body = position..<position + contentLength
    request.end = position + contentLength
    return .complete(request)
  }

  private static func unfinished(_ count: Int) -> Outcome {
    count > maximumHead ? .malformed(status: 431) : .incomplete
  }

  /// `POST /path?query HTTP/1.1`
  private mutating func readRequestLine(_ bytes: UnsafeRawBufferPointer, _ line: Range<Int>) -> Bool {
    guard let space = line.first(where: { bytes[$0] == 0x20 }) else { return false }
    let rest = space + 1..<line.upperBound
    guard let end = rest.first(where: { bytes[$0] == 0x20 }), end > rest.lowerBound else { return false }
    guard Self.matches(bytes, end + 1..<line.upperBound, "http/1.") else { return false }
    target = rest.lowerBound..<end
    path = target.lowerBound..<(target.first { bytes[$0] == UInt8(ascii: "?") } ?? end)
    isKeptAlive = bytes[line.upperBound - 1] != UInt8(ascii: "0")
    return true
  }

  /// The line at `position`, without its end; `position` moves behind it.
  private static func nextLine(_ bytes: UnsafeRawBufferPointer, _ position: inout Int) -> Range<Int>? {
    guard position < bytes.count, let base = bytes.baseAddress,
      let feed = memchr(base + position, 0x0a, bytes.count - position)
    else { return nil }
    let end = UnsafeRawPointer(feed) - base
    let start = position
    position = end + 1
    return start..<(end > start && bytes[end - 1] == 0x0d ? end - 1 : end)
  }

  /// Whether the range begins with `text` (lower case), letters compared without case.
  private static func matches(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ text: StaticString) -> Bool {
    guard range.count >= text.utf8CodeUnitCount else { return false }
    for index in 0..<text.utf8CodeUnitCount {
      let byte = bytes[range.lowerBound + index]
      let lower = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
      if lower != text.utf8Start[index] { return false }
    }
    return true
  }

  private static func value(_ bytes: UnsafeRawBufferPointer, _ line: Range<Int>, after count: Int) -> Range<Int> {
    var start = line.lowerBound + count
    while start < line.upperBound, bytes[start] == 0x20 || bytes[start] == 0x09 { start += 1 }
    return start..<line.upperBound
  }

  private static func number(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Int? {
    guard !range.isEmpty, range.count <= 12 else { return nil }
    var number = 0
    for index in range {
      guard (0x30...0x39).contains(bytes[index]) else { return nil }
      number = number * 10 + Int(bytes[index] - 0x30)
    }
    return number
  }
}

/// Fields of `application/x-www-form-urlencoded` text, as they appear in a body or a query.
enum FormFields {
  /// The value of the last field called `name`, still encoded.
  static func range(of name: StaticString, in bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Range<Int>? {
    var result: Range<Int>?
    var start = range.lowerBound
    let length = name.utf8CodeUnitCount
    while start < range.upperBound {
      let end = range[start...].first { bytes[$0] == UInt8(ascii: "&") } ?? range.upperBound
      if end - start > length, bytes[start + length] == UInt8(ascii: "="),
        (0..<length).allSatisfy({ bytes[start + $0] == name.utf8Start[$0] })
      {
        result = start + length + 1..<end
      }
      start = end + 1
    }
    return result
  }

  /// `%41` → `A`, `+` → space; what isn't an escape stays as it is.
  static func decode(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(range.count)
    var index = range.lowerBound
    while index < range.upperBound {
      let byte = bytes[index]
      if byte == UInt8(ascii: "%"), index + 2 < range.upperBound, let high = digit(bytes[index + 1]),
        let low = digit(bytes[index + 2])
      {
        result.append(high << 4 | low)
        index += 3
      } else {
        result.append(byte == UInt8(ascii: "+") ? 0x20 : byte)
        index += 1
      }
    }
    return result
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }
}
