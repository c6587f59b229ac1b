import Testing

@testable import MEDCore

@Suite("§17 DebugAddr: the process")
struct ProcessStatisticsTests {
  @Test func `memory and uptime of this process are known`() {
    #expect(ProcessStatistics.residentBytes > 1 << 20)
    #expect(ProcessStatistics.uptime > 0)
  }

  @Test func `the kernel's files are read as they are, and nonsense is 0`() {
    #expect(ProcessStatistics.residentBytes(statm: "100 25 3 4 0 5 0\n", pageSize: 4096) == 25 * 4096)
    #expect(ProcessStatistics.residentBytes(statm: "", pageSize: 4096) == 0)
    #expect(ProcessStatistics.residentBytes(statm: "1 -2", pageSize: 4096) == 0)
    #expect(ProcessStatistics.residentBytes(statm: "1 9223372036854775807", pageSize: 4096) == 0)
    let fields = (4...24).map { $0 == 22 ? "5000" : "\($0)" }.joined(separator: " ")
    let stat = "17 (a ) name) S \(fields)"
    #expect(ProcessStatistics.uptime(stat: stat, systemUptime: "62.50 9.9\n", ticksPerSecond: 100) == 12.5)
    #expect(ProcessStatistics.uptime(stat: stat, systemUptime: "1.0", ticksPerSecond: 100) == 0)
    for nonsense in ["", "17 (x", ") 1 2 3", stat.replacing("5000", with: "many")] {
      #expect(ProcessStatistics.uptime(stat: nonsense, systemUptime: "62.5", ticksPerSecond: 100) == 0)
    }
  }

  @Test func `what metrics tell of this process is known`() {
    let state = ProcessState.current
    #expect(state.cpuSeconds > 0 && state.threads > 0)
    #expect(state.virtualBytes > state.residentBytes && state.residentBytes > 1 << 20)
    #expect(state.openDescriptors > 2 && state.openDescriptors < state.maximumDescriptors)
    #expect(state.startTime > 1_700_000_000 && state.startTime <= Double(RecordTime.now().microseconds) / 1e6)
    let fields = (3...24).map { "\($0 * 10)"[...] }
    #expect(ProcessState.cpuAndThreads(fields, ticksPerSecond: 100) == (2.9, 200))
    #expect(ProcessState.cpuAndThreads([], ticksPerSecond: 100) == (0, 0))
    #expect(ProcessState.cpuAndThreads(fields, ticksPerSecond: 0) == (0, 0))
  }
}
