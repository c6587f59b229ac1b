/// A job as a witness sees it.
public struct PlainJob: Equatable, Sendable {
  public let id: UInt64
  public let tube: String
  /// `ready`, `delayed`, `reserved` or `buried`.
  public let state: String
  public let body: [UInt8]
  /// Repeats counted by the server, and the delay of its last put in seconds.
  public let reserves: Int
  public let buries: Int
  public let kicks: Int
  public let delay: Int
}

/// A beanstalk client that blocks, one command at a time: the witness of what a queue server really holds.
///
/// It shares no code with the client under test. It blocks its thread, so commands that wait (`reserve`) should wait
/// for little: the pool that tests run on has few threads. One task at a time.
/// - Source: beanstalkd doc/protocol.txt
public final class PlainBeanstalk {
  private let socket: BlockingSocket
  private let timeout: Duration
  private var watched = "default"

  /// - Parameter timeout: the longest wait for one answer, besides what `reserve` itself waits.
  public init(port: UInt16, timeout: Duration = .seconds(5)) throws {
    socket = try BlockingSocket(port: port, timeout: timeout)
    self.timeout = timeout
  }

  /// Sends `command`, with `body` after it, and returns the words of the answer's first line.
  public func ask(_ command: String, body: [UInt8]? = nil) throws -> [String] {
    try socket.write(Array("\(command)\r\n".utf8) + (body.map { $0 + Array("\r\n".utf8) } ?? []))
    return try answer()
  }

  /// Puts a job and returns its id.
  /// - Parameters:
  ///   - delay: whole seconds; `timeToRun` the same.
  @discardableResult
  public func put(
    _ body: [UInt8], into tube: String, priority: UInt32 = 1024, delay: Int = 0, timeToRun: Int = 60
  ) throws -> UInt64 {
    try expect(ask("use \(tube)"), "USING")
    let answer = try ask("put \(priority) \(delay) \(timeToRun) \(body.count)", body: body)
    return try number(expect(answer, "INSERTED"), 1)
  }

  @discardableResult
  public func put(_ body: String, into tube: String, delay: Int = 0) throws -> UInt64 {
    try put(Array(body.utf8), into: tube, delay: delay)
  }

  /// Takes a job of `tube` alone; it is this connection's until deleted, buried, released or disconnected.
  /// - Parameter seconds: how long to wait for one, blocking the thread.
  /// - Returns: nil on TIMED_OUT; DEADLINE_SOON throws.
  public func reserve(from tube: String, waiting seconds: Int = 0) throws -> (id: UInt64, body: [UInt8])? {
    if tube != watched {
      try expect(ask("watch \(tube)"), "WATCHING")
      try expect(ask("ignore \(watched)"), "WATCHING")
      watched = tube
    }
    socket.setTimeout(timeout + .seconds(seconds))
    defer { socket.setTimeout(timeout) }
    let answer = try ask("reserve-with-timeout \(seconds)")
    if answer.first == "TIMED_OUT" { return nil }
    return (try number(expect(answer, "RESERVED"), 1), try body(number(answer, 2)))
  }

  /// The body of a job, whatever its state and tube; nil if there is none.
  public func peek(_ id: UInt64) throws -> [UInt8]? {
    let answer = try ask("peek \(id)")
    if answer.first == "NOT_FOUND" { return nil }
    return try body(number(expect(answer, "FOUND"), 2))
  }

  public func stats() throws -> [String: String] { try dictionary(ask("stats")) ?? [:] }

  /// Nil if the tube doesn't exist.
  public func stats(tube: String) throws -> [String: String]? { try dictionary(ask("stats-tube \(tube)")) }

  /// Nil if the job doesn't exist.
  public func stats(job id: UInt64) throws -> [String: String]? { try dictionary(ask("stats-job \(id)")) }

  public func listTubes() throws -> [String] {
    let answer = try expect(ask("list-tubes"), "OK")
    return try lines(number(answer, 1)).compactMap { $0.hasPrefix("- ") ? String($0.dropFirst(2)) : nil }
  }

  /// Kicks at most `bound` jobs of `tube`: buried ones if there are any, else delayed ones. Returns how many.
  @discardableResult
  public func kick(_ bound: Int, in tube: String) throws -> Int {
    try expect(ask("use \(tube)"), "USING")
    return Int(try number(expect(ask("kick \(bound)"), "KICKED"), 1))
  }

  /// False if there is no such buried or delayed job.
  @discardableResult
  public func kick(job id: UInt64) throws -> Bool { try done(ask("kick-job \(id)"), "KICKED") }

  /// Buries a job that this connection has reserved.
  @discardableResult
  public func bury(_ id: UInt64, priority: UInt32 = 1024) throws -> Bool {
    try done(ask("bury \(id) \(priority)"), "BURIED")
  }

  /// Gives a job that this connection has reserved back.
  @discardableResult
  public func release(_ id: UInt64, priority: UInt32 = 1024, delay: Int = 0) throws -> Bool {
    try done(ask("release \(id) \(priority) \(delay)"), "RELEASED")
  }

  /// False if there is no such job, or another connection has reserved it.
  @discardableResult
  public func delete(_ id: UInt64) throws -> Bool { try done(ask("delete \(id)"), "DELETED") }

  // MARK: Answers

  /// Sends many commands in one write; the answers are read by the caller in the same order.
  func sendTogether(_ commands: [String]) throws {
    try socket.write(Array(commands.map { $0 + "\r\n" }.joined().utf8))
  }

  /// The same for commands with bodies, each without its last line end.
  func sendTogether(_ commands: [[UInt8]]) throws {
    try socket.write(Array(commands.map { $0 + Array("\r\n".utf8) }.joined()))
  }

  func answer() throws -> [String] { try socket.line().split(separator: " ").map(String.init) }

  @discardableResult
  func expect(_ answer: [String], _ word: String) throws -> [String] {
    guard answer.first == word else {
      throw Unexpected(description: "expected \(word), got \(answer.joined(separator: " "))")
    }
    return answer
  }

  func number(_ answer: [String], _ index: Int) throws -> UInt64 {
    guard answer.indices.contains(index), let number = UInt64(answer[index]) else {
      throw Unexpected(description: "no number at \(index): \(answer.joined(separator: " "))")
    }
    return number
  }

  /// A payload of `count` bytes and the line end after it.
  func body(_ count: UInt64) throws -> [UInt8] { try socket.bytes(Int(count) + 2).dropLast(2) }

  /// A flat YAML dictionary; nil on NOT_FOUND.
  func dictionary(_ answer: [String]) throws -> [String: String]? {
    if answer.first == "NOT_FOUND" { return nil }
    let pairs = try lines(number(expect(answer, "OK"), 1)).compactMap { line -> (String, String)? in
      guard let colon = line.firstIndex(of: ":") else { return nil }
      let value = line[line.index(after: colon)...].trimmingPrefix(while: { $0 == " " })
      // why: names of tubes come in double quotes
      return (String(line[..<colon]), value.filter { $0 != "\"" })
    }
    return Dictionary(pairs) { $1 }
  }

  private func lines(_ count: UInt64) throws -> [Substring] {
    String(decoding: try body(count), as: UTF8.self).split(separator: "\n")
  }

  private func done(_ answer: [String], _ word: String) throws -> Bool {
    if answer.first == "NOT_FOUND" { return false }
    try expect(answer, word)
    return true
  }
}
