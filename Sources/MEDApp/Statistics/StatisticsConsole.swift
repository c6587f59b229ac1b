import MEDCore
import MEDRPC

/// What the console of StatisticApiAddr answers. One answer is made at a time: those of a busy month take some memory.
actor StatisticsConsole {
  private let statistics: @Sendable () -> RPCStatistics?

  /// - Parameter statistics: nil: there is no server of the control panel's protocol.
  init(_ statistics: @escaping @Sendable () -> RPCStatistics?) { self.statistics = statistics }

  nonisolated var commands: [ConsoleServer.Command] {
    [
      ConsoleServer.Command("stats") { ConsoleServer.Answer(await self.text()) },
      ConsoleServer.Command("statsz") { ConsoleServer.Answer(await self.zipped(), endsConnection: true) },
    ]
  }

  /// Empty for who doesn't wait for it any more.
  private func text() -> [UInt8] { Task.isCancelled ? [] : latest.text(until: Self.minute) }

  /// The same; also if there is no memory for it.
  private func zipped() -> [UInt8] {
    Task.isCancelled ? [] : Gzip.compressed(latest.json(until: Self.minute)) ?? []
  }

  private var latest: RPCStatistics { statistics() ?? RPCStatistics(commands: []) }

  private static var minute: Int { Int(RecordTime.now().microseconds / 60_000_000) }
}
