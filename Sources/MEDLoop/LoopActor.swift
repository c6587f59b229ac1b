/// The actor whose executor is an event loop: what is isolated to it runs on the loop's thread.
public actor LoopActor {
  public nonisolated let loop: EventLoop
  public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  public init(loop: EventLoop) { self.loop = loop }
}
