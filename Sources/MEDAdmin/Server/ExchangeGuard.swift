import NIOCore
import NIOHTTPTypes

/// Closes a connection whose exchange takes too long, or whose request has too long a body.
///
/// One clock for everything that a client can be slow with: an idle connection, a request that drips in, an answer that
/// isn't read. It starts with the connection, and anew with the end of each answer.
final class ExchangeGuard: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let limits: AdminLimits
  private let connections: OpenConnections
  private var bodyBytes = 0
  private var alarm: Scheduled<Void>?

  init(_ limits: AdminLimits, _ connections: OpenConnections) {
    self.limits = limits
    self.connections = connections
  }

  func handlerAdded(context: ChannelHandlerContext) {
    connections.add(context.channel)
    startClock(context)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    connections.remove(context.channel)
    alarm?.cancel()
  }

  func channelInactive(context: ChannelHandlerContext) {
    alarm?.cancel()
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head:
      bodyBytes = 0
    case .body(let part):
      bodyBytes += part.readableBytes
      guard bodyBytes <= limits.bodyBytes else { return context.close(promise: nil) }
    case .end:
      break
    }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if case .end = unwrapOutboundIn(data) {
      // Once the kernel has taken all of it.
      let written = promise ?? context.eventLoop.makePromise(of: Void.self)
      written.futureResult.assumeIsolated().whenSuccess { self.startClock(context) }
      context.write(data, promise: written)
    } else {
      context.write(data, promise: promise)
    }
  }

  private func startClock(_ context: ChannelHandlerContext) {
    alarm?.cancel()
    guard context.channel.isActive || alarm == nil else { return }
    let channel = context.channel
    alarm = context.eventLoop.scheduleTask(in: TimeAmount(limits.exchange)) { channel.close(promise: nil) }
  }
}
