import MEDLoop

/// From bytes to replies to the exchanges that await them.
extension Connection {
  func read() {
    let prefix = leftover.count <= ReadBuffer.maximumLeftover ? leftover.count : 0
    let target = UnsafeMutableRawBufferPointer(rebasing: shared.bytes[prefix..<prefix + ReadBuffer.chunk])
    switch Socket.read(descriptor, into: target) {
    case .bytes(let count):
      parse(prefix: prefix, count: count)
      if state == .open { flushIfAnswering() }
      if state == .open, sent == 0 { delegate?.connectionDrained(self) }
    case .wouldBlock: return
    case .endOfStream: close(BeanstalkError(.connectionLost, "the server closed the connection"))
    case .failed(let code): lost(SystemError(call: "recv", code: code))
    }
  }

  /// Takes the replies among the leftover (`prefix` bytes of it fit before the chunk) and the `count` bytes just read.
  private func parse(prefix: Int, count: Int) {
    if leftover.count > prefix {
      leftover.append(contentsOf: shared.bytes[prefix..<prefix + count])
      guard leftover.count >= needed else { return }
      let whole = leftover
      leftover = []
      let rest = whole.withUnsafeBufferPointer { takeReplies($0.span) }
      keep(whole[(whole.count - rest)...])
    } else {
      leftover.withUnsafeBytes { shared.bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0.prefix(prefix))) }
      let available = UnsafeRawBufferPointer(rebasing: shared.bytes[..<(prefix + count)])
      guard available.count >= needed else {
        leftover.append(contentsOf: available[prefix...])
        return
      }
      let rest = available.withMemoryRebound(to: UInt8.self) { takeReplies($0.span) }
      keep(available[(available.count - rest)...])
    }
  }

  private func keep(_ rest: some Collection<UInt8>) {
    leftover.removeAll(keepingCapacity: leftover.capacity <= ReadBuffer.maximumLeftover)
    leftover.append(contentsOf: rest)
  }

  /// - Returns: how many bytes at the end are left: the beginning of a reply.
  private func takeReplies(_ bytes: Span<UInt8>) -> Int {
    var position = 0
    needed = 0
    while position < bytes.count, state == .open {
      let rest = bytes.extracting(position...)
      switch parser.next(in: rest) {
      case .needMore(let total):
        needed = total
        return rest.count
      case .violation(let violation):
        self.violation("unreadable answer: \(violation)")
        return 0
      case .reply(let reply, let consumed):
        guard sent > 0, let exchange = expected.first else {
          violation("\(reply.word) that nothing was asked for")
          return 0
        }
        position += consumed
        lastProgress = loop.now
        switch exchange.receive(reply, rest, on: self) {
        case .more: continue
        case .complete:
          if state == .open {
            expected.removeFirst()
            sent -= 1
          }
        case .violation:
          violation("\(reply.word) doesn't answer what was asked")
          return 0
        }
      }
    }
    return bytes.count - position
  }

  private func flushIfAnswering() {
    guard isAnswering else { return }
    isAnswering = false
    flush()
  }
}
