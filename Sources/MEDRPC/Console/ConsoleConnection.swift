import NIOCore

/// One client of a console: reads a line, has it answered, reads the next one. Confined to its channel's thread.
///
/// While a command is under way, or an answer on its way, nothing is read: what a client types ahead waits in the kernel.
final class ConsoleConnection: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private enum Phase: Equatable {
    /// Between two lines, or within one.
    case reading
    /// The command of that number is under way.
    case working(UInt64)
    /// An answer is being written.
    case answering
    /// Everything was said; what still arrives is thrown away.
    case leaving
  }

  private let desk: ConsoleDesk
  private var context: ChannelHandlerContext?
  private var lines = ConsoleLines()
  private var phase = Phase.reading
  private var commands: UInt64 = 0
  private var command: Task<Void, Never>?
  private var clock: Scheduled<Void>?
  private var heldBytes = 0
  private var wasWelcome = false
  private var wantsToRead = false
  private var clientIsDone = false
  private var isStopping = false

  init(_ desk: ConsoleDesk) { self.desk = desk }

  // MARK: The channel

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    if context.channel.isActive { begin(context) }
  }

  func channelActive(context: ChannelHandlerContext) { begin(context) }

  func handlerRemoved(context: ChannelHandlerContext) {
    clock?.cancel()
    command?.cancel()
    hold(0)
    desk.register.leave(context.channel, wasWelcome: wasWelcome)
    self.context = nil
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard phase != .leaving else { return }
    lines.append(unwrapInboundIn(data).readableBytesView)
    guard hold(lines.heldBytes) else { return context.close(promise: nil) }
    proceed(context)
  }

  func read(context: ChannelHandlerContext) {
    switch phase {
    case .reading, .leaving: context.read()
    case .working, .answering: wantsToRead = true
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case let event as ChannelEvent where event == .inputClosed:
      clientIsDone = true
      if phase == .leaving { return context.close(promise: nil) }
      proceed(context)
    case is ConnectionRegister.Stop:
      isStopping = true
      if phase == .reading { leave(context) }
    default:
      context.fireUserInboundEventTriggered(event)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  // MARK: The life of a connection

  private func begin(_ context: ChannelHandlerContext) {
    guard !wasWelcome, phase == .reading else { return }
    switch desk.register.enter(context.channel) {
    case .welcome:
      wasWelcome = true
      startClock(desk.limits.idle, context)
    case .tooMany:
      say("too many connections, more than \(desk.limits.connections)\r\n", context, thenLeaves: true)
    case .stopping:
      context.close(promise: nil)
    }
  }

  /// Does what the lines that are there ask for. The clock goes on from the answer before: a client that drips gains
  /// nothing.
  private func proceed(_ context: ChannelHandlerContext) {
    while phase == .reading {
      let event = lines.next()
      hold(lines.heldBytes)
      switch event {
      case nil:
        if clientIsDone { return leave(context) }
        if wantsToRead {
          wantsToRead = false
          context.read()
        }
        return
      case .tooLong:
        say("a line has at most \(ConsoleLines.maximumLength) bytes\r\n", context, thenLeaves: true)
      case .line(""):
        continue
      case .line(let word):
        perform(word, context)
      }
    }
  }

  private func perform(_ word: String, _ context: ChannelHandlerContext) {
    if ConsoleDesk.farewells.contains(word) { return say("Bye\r\n", context, thenLeaves: true) }
    guard let known = desk.command(word) else { return say(desk.unknownWord, context) }
    commands &+= 1
    let number = commands
    phase = .working(number)
    startClock(desk.limits.command, context)
    let connection = NIOLoopBound(self, eventLoop: context.eventLoop)
    command = Self.start(known, on: context.eventLoop) { connection.value.ended(number, $0) }
  }

  /// - Parameter end: called on `eventLoop`.
  private static func start(
    _ command: ConsoleServer.Command, on eventLoop: any EventLoop,
    end: @escaping @Sendable (ConsoleServer.Answer) -> Void
  ) -> Task<Void, Never> {
    Task {
      let answer = await command.perform()
      eventLoop.execute { end(answer) }
    }
  }

  private func ended(_ number: UInt64, _ answer: ConsoleServer.Answer) {
    guard phase == .working(number), let context else { return }
    command = nil
    self.answer(answer, context)
  }

  // MARK: Answers

  private func say(_ text: String, _ context: ChannelHandlerContext, thenLeaves: Bool = false) {
    answer(ConsoleServer.Answer(Array(text.utf8), endsConnection: thenLeaves), context)
  }

  private func answer(_ answer: ConsoleServer.Answer, _ context: ChannelHandlerContext) {
    phase = .answering
    startClock(desk.limits.exchange, context)
    guard hold(lines.heldBytes + answer.bytes.count) else {
      hold(lines.heldBytes)
      return send("too many answers are on their way, try again later\r\n".utf8, context, thenLeaves: true)
    }
    send(answer.bytes, context, thenLeaves: answer.endsConnection)
  }

  private func send(_ bytes: some Sequence<UInt8>, _ context: ChannelHandlerContext, thenLeaves: Bool) {
    let connection = NIOLoopBound(self, eventLoop: context.eventLoop)
    let eventLoop = context.eventLoop
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes))).whenSuccess {
      // Not within this call: lines that wait would be answered one within the other.
      eventLoop.execute { connection.value.hasAnswered(thenLeaves: thenLeaves) }
    }
  }

  private func hasAnswered(thenLeaves: Bool) {
    guard phase == .answering, let context else { return }
    hold(lines.heldBytes)
    if thenLeaves || isStopping { return leave(context) }
    phase = .reading
    startClock(desk.limits.idle, context)
    proceed(context)
  }

  /// The end of our half. What the client still sends is read and thrown away for a while: a connection that is closed
  /// with unread bytes is reset, and with it goes what the client hasn't read yet.
  private func leave(_ context: ChannelHandlerContext) {
    phase = .leaving
    lines = ConsoleLines()
    hold(0)
    if clientIsDone || isStopping { return context.close(promise: nil) }
    startClock(desk.limits.farewell, context)
    context.close(mode: .output, promise: nil)
    context.read()
  }

  // MARK: Clock and bytes

  private func startClock(_ limit: Duration, _ context: ChannelHandlerContext) {
    clock?.cancel()
    let connection = NIOLoopBound(self, eventLoop: context.eventLoop)
    clock = context.eventLoop.scheduleTask(in: TimeAmount(limit)) { connection.value.timeIsUp() }
  }

  private func timeIsUp() {
    guard let context else { return }
    switch phase {
    case .reading:
      leave(context)
    case .working:
      command?.cancel()
      command = nil
      say("the command takes too long\r\n", context, thenLeaves: true)
    case .answering, .leaving:
      context.close(promise: nil)
    }
  }

  @discardableResult
  private func hold(_ bytes: Int) -> Bool {
    let change = bytes - heldBytes
    heldBytes = bytes
    return desk.register.hold(change)
  }
}
