import MEDCore
import NIOCore

/// One client: reads a request, has it answered, reads the next one. Confined to its channel's thread.
///
/// While a command is under way, or an answer on its way, nothing is read: what a client sends ahead waits in the kernel.
final class RPCConnection: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private enum Phase: Equatable {
    /// Between two requests.
    case idle
    /// A request has begun to arrive.
    case receiving
    /// The command of that number is under way.
    case working(UInt64)
    /// An answer is being written.
    case answering
    /// Everything was said; what still arrives is thrown away.
    case leaving
  }

  private let hub: RPCHub
  private var context: ChannelHandlerContext?
  private var parser = RPCFrameParser()
  private var phase = Phase.idle
  private var requests: UInt64 = 0
  private var command: Task<Void, Never>?
  private var clock: Scheduled<Void>?
  private var heldBytes = 0
  private var wasWelcome = false
  private var wantsToRead = false
  private var clientIsDone = false
  private var isStopping = false

  init(_ hub: RPCHub) { self.hub = hub }

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
    hub.register.leave(context.channel, wasWelcome: wasWelcome)
    self.context = nil
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard phase != .leaving else { return }
    parser.append(unwrapInboundIn(data).readableBytesView)
    guard hold(parser.heldBytes) else {
      guard phase == .idle || phase == .receiving else { return context.close(promise: nil) }
      return refuse("too many large requests at once, try again later", context)
    }
    proceed(context)
  }

  func read(context: ChannelHandlerContext) {
    switch phase {
    case .idle, .receiving, .leaving: context.read()
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
      if phase == .idle || phase == .receiving { leave(context) }
    default:
      context.fireUserInboundEventTriggered(event)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  // MARK: The life of a connection

  private func begin(_ context: ChannelHandlerContext) {
    guard !wasWelcome, phase != .leaving else { return }
    switch hub.register.enter(context.channel) {
    case .welcome:
      wasWelcome = true
      startClock(hub.limits.idle, context)
    case .tooMany:
      answer(RPCAnswer(failure: "too many connections, more than \(hub.limits.connections)"), context, thenLeaves: true)
    case .stopping:
      context.close(promise: nil)
    }
  }

  /// Does what the bytes that are there ask for.
  private func proceed(_ context: ChannelHandlerContext) {
    guard phase == .idle || phase == .receiving else { return }
    let event = parser.next()
    hold(parser.heldBytes)
    switch event {
    case nil:
      guard clientIsDone else { return waitForMore(context) }
      if parser.hasBegun { refuse("the request was cut off", context) } else { leave(context) }
    case .request(let body):
      hub.count { $0.requests += 1 }
      perform(body, context)
    case .close:
      leave(context)
    case .malformed(let problem):
      refuse(problem.rawValue, context)
    }
  }

  private func waitForMore(_ context: ChannelHandlerContext) {
    if !parser.hasBegun {
      phase = .idle
      startClock(hub.limits.idle, context)
    } else if phase == .idle {
      phase = .receiving
      startClock(hub.limits.exchange, context)
    }
    if wantsToRead {
      wantsToRead = false
      context.read()
    }
  }

  private func perform(_ body: [UInt8], _ context: ChannelHandlerContext) {
    guard hub.beginCommand() else {
      hub.count { $0.failed += 1 }
      return answer(RPCAnswer(failure: "too many commands are under way, try again later"), context)
    }
    requests &+= 1
    let number = requests
    phase = .working(number)
    startClock(hub.limits.command, context)
    let connection = NIOLoopBound(self, eventLoop: context.eventLoop)
    command = Self.start(body, hub, on: context.eventLoop) { connection.value.ended(number, $0) }
  }

  /// - Parameter end: called on `eventLoop`.
  private static func start(
    _ body: [UInt8], _ hub: RPCHub, on eventLoop: any EventLoop, end: @escaping @Sendable (Outcome) -> Void
  ) -> Task<Void, Never> {
    Task {
      let outcome = await outcome(of: body, hub)
      hub.endCommand()
      eventLoop.execute { end(outcome) }
    }
  }

  private enum Outcome: Sendable {
    case answer(RPCAnswer)
    case malformed(String)
  }

  @concurrent
  private static func outcome(of body: [UInt8], _ hub: RPCHub) async -> Outcome {
    let request: RPCRequest
    do throws(RPCRequest.Malformed) { request = try RPCRequest(parsing: body) } catch {
      return .malformed(error.description)
    }
    let answer: RPCAnswer
    do throws(ControlError) {
      answer = RPCAnswer(try await hub.perform(request.command, request.arguments))
    } catch {
      answer = RPCAnswer(failure: error.message)
    }
    // One whose client has gone, or was told that it takes too long, hasn't finished for anybody.
    hub.count(request.command, isFailure: answer.status == .failed || Task.isCancelled)
    return .answer(answer)
  }

  private func ended(_ number: UInt64, _ outcome: Outcome) {
    guard phase == .working(number), let context else { return }
    command = nil
    switch outcome {
    case .answer(let answer):
      if answer.status == .failed { hub.count { $0.failed += 1 } }
      self.answer(answer, context)
    case .malformed(let problem):
      refuse(problem, context)
    }
  }

  // MARK: Answers

  private func answer(_ answer: RPCAnswer, _ context: ChannelHandlerContext, thenLeaves: Bool = false) {
    phase = .answering
    startClock(hub.limits.exchange, context)
    let bytes = answer.bytes
    hold(parser.heldBytes + bytes.count)
    let connection = NIOLoopBound(self, eventLoop: context.eventLoop)
    let eventLoop = context.eventLoop
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes))).whenSuccess {
      // Not within this call: requests that wait to be refused would be answered one within the other.
      eventLoop.execute { connection.value.hasAnswered(thenLeaves: thenLeaves) }
    }
  }

  private func hasAnswered(thenLeaves: Bool) {
    guard phase == .answering, let context else { return }
    hold(parser.heldBytes)
    if thenLeaves || isStopping { return leave(context) }
    phase = .idle
    proceed(context)
  }

  /// `failed` with a reason, then the end.
  private func refuse(_ reason: String, _ context: ChannelHandlerContext) {
    hub.count { $0.malformed += 1 }
    // Others need the room.
    parser = RPCFrameParser()
    answer(RPCAnswer(failure: reason), context, thenLeaves: true)
  }

  /// `CLOSE`, then the end of our half. What the client still sends is read and thrown away for a while: a connection
  /// that is closed with unread bytes is reset, and with it goes what the client hasn't read yet.
  private func leave(_ context: ChannelHandlerContext) {
    phase = .leaving
    parser = RPCFrameParser()
    hold(0)
    startClock(hub.limits.farewell, context)
    let connection = NIOLoopBound(self, eventLoop: context.eventLoop)
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: RPCAnswer.close))).whenSuccess {
      connection.value.hasSaidGoodbye()
    }
  }

  private func hasSaidGoodbye() {
    guard let context else { return }
    if clientIsDone || isStopping { return context.close(promise: nil) }
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
    case .idle:
      leave(context)
    case .receiving:
      hub.count { $0.tooSlow += 1 }
      answer(RPCAnswer(failure: "the request was not complete in time"), context, thenLeaves: true)
    case .working:
      command?.cancel()
      command = nil
      hub.count { $0.failed += 1 }
      answer(RPCAnswer(failure: "the command takes too long, it may still be carried out"), context)
    case .answering:
      hub.count { $0.tooSlow += 1 }
      context.close(promise: nil)
    case .leaving:
      context.close(promise: nil)
    }
  }

  @discardableResult
  private func hold(_ bytes: Int) -> Bool {
    let change = bytes - heldBytes
    heldBytes = bytes
    return hub.register.hold(change)
  }
}
