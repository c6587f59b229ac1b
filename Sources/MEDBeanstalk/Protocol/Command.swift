import MEDCore

/// What a client can ask of a queue server.
/// - Source: beanstalkd doc/protocol.txt, 1.12.
enum Command {
  case put(body: [UInt8], priority: UInt32, delay: UInt32, timeToRun: UInt32)
  case use(TubeName)
  case reserve
  case reserveWithTimeout(seconds: UInt32)
  case reserveJob(UInt64)
  case delete(UInt64)
  case release(UInt64, priority: UInt32, delay: UInt32)
  case bury(UInt64, priority: UInt32)
  case touch(UInt64)
  case watch(TubeName)
  case ignore(TubeName)
  case peek(UInt64)
  case peekReady
  case peekDelayed
  case peekBuried
  case kick(bound: UInt32)
  case kickJob(UInt64)
  case statsJob(UInt64)
  case statsTube(TubeName)
  case stats
  case listTubes
  case listTubeUsed
  case listTubesWatched
  case pauseTube(TubeName, seconds: UInt32)
  case quit
}

extension OutputBuffer {
  mutating func append(_ command: Command) {
    switch command {
    case .put(let body, let priority, let delay, let timeToRun):
      appendPut(body, priority: priority, delay: delay, timeToRun: timeToRun)
    case .use(let tube): append("use ", tube)
    case .reserve: append("reserve\r\n")
    case .reserveWithTimeout(let seconds): append("reserve-with-timeout ", seconds)
    case .reserveJob(let id): append("reserve-job ", id)
    case .delete(let id): append("delete ", id)
    case .release(let id, let priority, let delay): append("release ", id, priority, delay)
    case .bury(let id, let priority): append("bury ", id, priority)
    case .touch(let id): append("touch ", id)
    case .watch(let tube): append("watch ", tube)
    case .ignore(let tube): append("ignore ", tube)
    case .peek(let id): append("peek ", id)
    case .peekReady: append("peek-ready\r\n")
    case .peekDelayed: append("peek-delayed\r\n")
    case .peekBuried: append("peek-buried\r\n")
    case .kick(let bound): append("kick ", bound)
    case .kickJob(let id): append("kick-job ", id)
    case .statsJob(let id): append("stats-job ", id)
    case .statsTube(let tube): append("stats-tube ", tube)
    case .stats: append("stats\r\n")
    case .listTubes: append("list-tubes\r\n")
    case .listTubeUsed: append("list-tube-used\r\n")
    case .listTubesWatched: append("list-tubes-watched\r\n")
    case .pauseTube(let tube, let seconds):
      append("pause-tube ")
      append(tube.description)
      append(" ", seconds)
    case .quit: append("quit\r\n")
    }
  }

  /// The hot one, without a copy of the body on the way.
  mutating func appendPut(_ body: [UInt8], priority: UInt32, delay: UInt32, timeToRun: UInt32) {
    append("put ")
    append(priority)
    append(" ")
    append(delay)
    append(" ")
    append(timeToRun)
    append(" ", body.count)
    append(body)
    append("\r\n")
  }

  private mutating func append(_ word: StaticString, _ tube: TubeName) {
    append(word)
    append(tube.description)
    append("\r\n")
  }

  private mutating func append(_ word: StaticString, _ number: some BinaryInteger) {
    append(word)
    append(number)
    append("\r\n")
  }

  private mutating func append(_ word: StaticString, _ id: UInt64, _ arguments: UInt32...) {
    append(word)
    append(id)
    for argument in arguments {
      append(" ")
      append(argument)
    }
    append("\r\n")
  }
}
