import Logging
import MEDCore
import MEDLoop

/// Working through jobs for as long as the service lives.
extension BeanstalkClient {
  /// What becomes of a job whose handler has thrown.
  public enum AfterFailure: Sendable {
    /// Anybody may reserve it again after so many seconds.
    case release(delay: UInt32)
    /// It is put aside until somebody kicks it.
    case bury
  }

  /// How jobs are consumed.
  public struct ConsumeOptions: Sendable {
    /// Jobs that are worked on at a time, each over a connection of its own; at least 1.
    public var workers = 1
    /// Keep jobs from being given to others while their handler runs, however long that takes.
    public var touches = true
    /// What becomes of a job whose handler has thrown. A delay keeps a job that always fails from coming at once again.
    public var afterFailure = AfterFailure.release(delay: 10)

    /// The defaults.
    public init() {}

    /// Options with some of them set.
    public init(workers: Int, touches: Bool = true, afterFailure: AfterFailure = .release(delay: 10)) {
      self.workers = workers
      self.touches = touches
      self.afterFailure = afterFailure
    }
  }

  /// Gives every job of `tubes` to `handler`, until the task is cancelled. When the handler returns the job is deleted.
  ///
  /// Delivery is at-least-once: a job whose delete isn't confirmed may come again. A server that is away is waited for.
  /// - Throws: `CancellationError`, once the handlers have returned and their jobs are settled; ``BeanstalkError`` of a
  ///   disposition other than `.retry`.
  public func consume(
    _ tubes: [TubeName], options: ConsumeOptions = .init(),
    handler: @escaping @Sendable (Reservation) async throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<max(1, options.workers) {
        group.addTask { try await self.work(on: tubes, options, handler) }
      }
      try await group.waitForAll()
    }
  }

  private func work(
    on tubes: [TubeName], _ options: ConsumeOptions, _ handler: @Sendable (Reservation) async throws -> Void
  ) async throws {
    let consumer = try await consumer(of: tubes, options: .init(touches: options.touches))
    do {
      while true {
        guard let job = try await next(of: consumer) else { continue }
        let result: Result<Void, any Error>
        do {
          try await handler(job)
          result = .success(())
        } catch {
          result = .failure(error)
        }
        if !job.isSettled { await settle(job, after: result, options.afterFailure) }
      }
    } catch {
      await consumer.close()
      throw error
    }
  }

  /// - Returns: nil if it must be asked for again.
  private func next(of consumer: BeanstalkConsumer) async throws -> Reservation? {
    do {
      guard case .reserved(let jobs) = try await consumer.reserve() else { return nil }
      return jobs.first
    } catch let error as BeanstalkError where error.disposition == .retry {
      log("a reserve was refused", error)
      try await actor.run { try await $0.loop.sleep(for: .seconds(1)) }
      return nil
    }
  }

  private func settle(_ job: Reservation, after result: Result<Void, any Error>, _ afterFailure: AfterFailure) async {
    do throws(BeanstalkError) {
      switch result {
      case .success:
        if try await !job.delete() { log("a job was given to somebody else before it was done", nil, job) }
      // A stop says nothing about the job.
      case .failure(let error) where error is CancellationError && Task.isCancelled: try await job.release()
      case .failure(let error):
        log("a job's handler failed", error, job)
        switch afterFailure {
        case .release(let delay): try await job.release(delay: delay)
        case .bury: try await job.bury()
        }
      }
    } catch {
      log("a job couldn't be settled: it may come again", error, job)
    }
  }

  private func log(_ message: Logger.Message, _ error: (any Error)?, _ job: Reservation? = nil) {
    var metadata: Logger.Metadata = [LogKey.queueServer: "\(address)"]
    if let error { metadata[LogKey.error] = "\(error)" }
    if let job { metadata[LogKey.jobID] = "\(job.number)" }
    configuration.logger.warning(message, metadata: metadata)
  }
}
