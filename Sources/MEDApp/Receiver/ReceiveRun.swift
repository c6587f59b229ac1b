import Glibc
import MEDLoop

/// `medctl receive`: a test receiver that shows what comes until it is stopped.
public struct ReceiveRun {
  private let receiver: DemoReceiver
  private let isQuiet: Bool
  private let isJSON: Bool

  /// - Throws: if the address can't be listened on.
  public init(_ options: DemoReceiver.Options, isQuiet: Bool, isJSON: Bool) throws {
    receiver = try DemoReceiver(options)
    self.isQuiet = isQuiet
    self.isJSON = isJSON
  }

  /// Returns after TERM, INT or QUIT. Call ``SignalThread/block()`` before.
  public func run() throws {
    let stopped = Monitor(false)
    try SignalThread.start { event in
      guard case .stop = event else { return }
      stopped.withLock { $0 = true }
      stopped.signal()
    }
    printError("listening on \(receiver.address); Ctrl-C ends")
    let isJSON = isJSON
    let show: @Sendable (DemoReceiver.Message) -> Void = { message in
      try? writeAll(Self.line(message, json: isJSON), to: STDOUT_FILENO)
    }
    try receiver.start(onMessage: isQuiet ? nil : show)
    var shown = 0
    while stopped.wait(atMost: .seconds(1), { $0 ? true : Bool?.none }) == nil {
      if isQuiet { shown = showCount(since: shown) }
    }
    receiver.stop()
    let counters = receiver.snapshot().values
    let requests = counters.reduce(0) { $0 + $1.requests }
    let delivered = counters.reduce(0) { $0 + $1.delivered }
    let duplicates = counters.reduce(0) { $0 + $1.duplicates }
    printError("\(requests) requests, \(delivered) messages taken, \(duplicates) came twice")
  }

  private func showCount(since shown: Int) -> Int {
    let requests = receiver.snapshot().values.reduce(0) { $0 + $1.requests }
    let line =
      isJSON
      ? #"{"requests":\#(requests),"per_second":\#(requests - shown)}"# : "\(requests) requests, \(requests - shown)/s"
    try? writeAll((line + "\n").utf8, to: STDOUT_FILENO)
    return requests
  }

  static func line(_ message: DemoReceiver.Message, json: Bool) -> [UInt8] {
    let body = String(decoding: message.body, as: UTF8.self)
    if json {
      var bytes = Array(#"{"path":"#.utf8)
      appendJSONString(message.path, to: &bytes)
      bytes += #","jobid":"#.utf8
      appendJSONString(message.jobID, to: &bytes)
      bytes += #","retry_times":\#(message.retryTimes),"accepted":\#(message.isAccepted),"message":"#.utf8
      appendJSONString(body, to: &bytes)
      bytes += "}\n".utf8
      return bytes
    }
    let answer = message.isAccepted ? "ok    " : "FAILED"
    let job = escapeControlCharacters(message.jobID[...])
    let path = escapeControlCharacters(message.path[...])
    return Array("\(answer) \(path) \(job) retry \(message.retryTimes) \(escapeControlCharacters(body[...]))\n".utf8)
  }
}
