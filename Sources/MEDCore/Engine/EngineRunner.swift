import MEDLoop
import ServiceLifecycle

/// Gives an engine its loop, and stops it with the service.
struct EngineRunner: Sendable {
  let changes: ConfigurationChanges
  let parts: EngineParts
  let door = EngineDoor()

  init(_ configuration: DispatcherConfiguration, _ parts: EngineParts) {
    changes = ConfigurationChanges(configuration)
    self.parts = parts
  }

  func state(lanes: Int = LaneListing.maximum) async -> DispatcherState? {
    guard var state = await door.enter({ await $0.state(lanes: lanes) }) else { return nil }
    complete(&state)
    return state
  }

  func metrics() async -> DispatcherMetrics? {
    guard var metrics = await door.enter({ await $0.metrics() }) else { return nil }
    complete(&metrics.state)
    metrics.process = ProcessState.current
    return metrics
  }

  /// With what the engine doesn't know, or what would keep its loop waiting.
  private func complete(_ state: inout DispatcherState) {
    state.time = Double(RecordTime.now().microseconds) / 1_000_000
    state.processUptimeSeconds = ProcessStatistics.uptime
    state.residentBytes = ProcessStatistics.residentBytes
    state.dataLog = parts.dataLog.condition.map { DataLogState($0) }
  }

  func run() async throws {
    let loop = try EventLoop.start(name: "medispatcher")
    defer { loop.stop() }
    let stop = StopSignal()
    await withTaskCancellationHandler {
      await withGracefulShutdownHandler {
        await LoopActor(loop: loop).run { actor in
          let engine = Engine(changes, actor: actor, parts)
          door.open(engine, on: actor)
          await engine.run(until: stop)
          door.close()
        }
      } onGracefulShutdown: {
        stop.raise()
      }
    } onCancel: {
      stop.raise()
    }
  }
}
