import Glibc
import MEDCore

/// A plain blocking connection to a queue server, for command line tools. The dispatcher has a client of its own.
final class BeanstalkConnection {
  private let descriptor: Int32
  private let server: String
  private var input: [UInt8] = []
  private var inputStart = 0

  /// The longest answer that is read: a list of tubes has 200 bytes a tube.
  private static let maximumAnswer = 64 << 20

  /// - Throws: if the server can't be reached within `timeout`, which also bounds each later answer.
  init(_ address: QueueServerAddress, timeout: Duration = .seconds(10)) throws(SystemError) {
    server = address.description
    descriptor = try connectTCP(host: address.host, port: address.port, timeout: timeout)
  }

  deinit { close(descriptor) }

  /// Stores jobs, all with one write; returns when every one is confirmed.
  func put(_ jobs: some Collection<PublishJob>, into tube: TubeName) throws(SystemError) {
    var output = Array("use \(tube)\r\n".utf8)
    for job in jobs {
      output += "put \(job.priority) \(job.delay) 60 \(job.body.count)\r\n".utf8
      output += job.body
      output += "\r\n".utf8
    }
    try send(output)
    let answer = try line()
    guard answer.hasPrefix("USING ") else { throw refused("use", answer) }
    for _ in jobs {
      let answer = try line()
      guard answer.hasPrefix("INSERTED ") else { throw refused("put", answer) }
    }
  }

  func tubes() throws(SystemError) -> [String] {
    try send(Array("list-tubes\r\n".utf8))
    return try document("list-tubes").split(separator: "\n").filter { $0.hasPrefix("- ") }.map {
      String($0.dropFirst(2)).trimmingQuotes
    }
  }

  /// The counters of each tube, nil for one that is gone.
  func statistics(of tubes: some Collection<String>) throws(SystemError) -> [[String: Int]?] {
    try send(tubes.flatMap { Array("stats-tube \($0)\r\n".utf8) })
    var result: [[String: Int]?] = []
    for _ in tubes {
      guard let text = try documentOrNotFound("stats-tube") else {
        result.append(nil)
        continue
      }
      var counters: [String: Int] = [:]
      for line in text.split(separator: "\n") {
        let parts = line.split(separator: ":", maxSplits: 1)
        if parts.count == 2, let number = Int(parts[1].drop { $0 == " " }) { counters[String(parts[0])] = number }
      }
      result.append(counters)
    }
    return result
  }

  /// Kicks up to `count` buried jobs of a tube, each by its id.
  ///
  /// Never by `kick <count>`: with nothing buried at that moment, because another was faster, the server would wake
  /// delayed jobs instead.
  /// - Returns: how many it were; fewer if others took some meanwhile.
  func kickBuried(_ count: Int, in tube: String) throws(SystemError) -> Int {
    try send(Array("use \(tube)\r\n".utf8))
    let using = try line()
    guard using.hasPrefix("USING ") else { throw refused("use", using) }
    var kicked = 0
    for _ in 0..<count {
      try send(Array("peek-buried\r\n".utf8))
      guard let id = try found() else { break }
      try send(Array("kick-job \(id)\r\n".utf8))
      let answer = try line()
      switch answer {
      case "KICKED": kicked += 1
      case "NOT_FOUND": continue
      default: throw refused("kick-job", answer)
      }
    }
    return kicked
  }

  /// `FOUND <id> <bytes>\r\n<bytes>\r\n`, of which the bytes are passed over; nil for NOT_FOUND.
  private func found() throws(SystemError) -> UInt64? {
    let answer = try line()
    if answer == "NOT_FOUND" { return nil }
    let words = answer.split(separator: " ")
    guard words.count == 3, words[0] == "FOUND", let id = UInt64(words[1]), let count = Int(words[2]),
      (0...Self.maximumAnswer).contains(count)
    else { throw refused("peek-buried", answer) }
    while input.count - inputStart < count + 2 { try receive() }
    inputStart += count + 2
    return id
  }

  // MARK: Wire

  private func refused(_ verb: String, _ answer: String) -> SystemError {
    SystemError(message: "\(server) answered \(verb) with \(escapeControlCharacters(answer.prefix(80)))")
  }

  private func document(_ verb: String) throws(SystemError) -> String {
    guard let text = try documentOrNotFound(verb) else { throw refused(verb, "NOT_FOUND") }
    return text
  }

  /// `OK <bytes>\r\n<bytes>\r\n`, or NOT_FOUND.
  private func documentOrNotFound(_ verb: String) throws(SystemError) -> String? {
    let answer = try line()
    if answer == "NOT_FOUND" { return nil }
    guard answer.hasPrefix("OK "), let count = Int(answer.dropFirst(3)), (0...Self.maximumAnswer).contains(count)
    else { throw refused(verb, answer) }
    while input.count - inputStart < count + 2 { try receive() }
    defer { inputStart += count + 2 }
    return String(decoding: input[inputStart..<inputStart + count], as: UTF8.self)
  }

  private func line() throws(SystemError) -> String {
    var from = inputStart
    while true {
      if let end = input[from...].firstIndex(of: UInt8(ascii: "\n")) {
        defer { inputStart = end + 1 }
        return String(decoding: input[inputStart..<end].filter { $0 != UInt8(ascii: "\r") }, as: UTF8.self)
      }
      guard input.count - inputStart < 1024 else {
        throw SystemError(message: "\(server) doesn't speak the protocol of beanstalkd")
      }
      let searched = input.count - inputStart
      try receive()
      from = inputStart + searched
    }
  }

  private func receive() throws(SystemError) {
    if inputStart > 0 {
      input.removeFirst(inputStart)
      inputStart = 0
    }
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = recv(descriptor, &chunk, chunk.count, 0)
      if count > 0 { return input += chunk[..<count] }
      if count == 0 { throw SystemError(message: "\(server) closed the connection") }
      if errno == EINTR { continue }
      if errno == EAGAIN { throw SystemError(message: "\(server) doesn't answer") }
      throw SystemError("\(server)")
    }
  }

  private func send(_ bytes: [UInt8]) throws(SystemError) {
    do { try writeAll(bytes, to: descriptor) } catch { throw SystemError(message: "\(server): \(error)") }
  }
}

extension String {
  /// YAML quotes a name that would read as something else.
  fileprivate var trimmingQuotes: String {
    count >= 2 && hasPrefix("\"") && hasSuffix("\"") ? String(dropFirst().dropLast()) : self
  }
}
