import Glibc

/// What the kernel says of a process. A value is 0 if it can't be known.
public struct ProcessState: Sendable, Equatable {
  /// CPU time, of the system for it too.
  public var cpuSeconds: Double = 0
  /// When it was started: seconds since 1970.
  public var startTime: Double = 0
  /// Memory that is in RAM.
  public var residentBytes = 0
  /// Addresses in use.
  public var virtualBytes = 0
  /// Files and connections that are open.
  public var openDescriptors = 0
  /// How many may be.
  public var maximumDescriptors = 0
  /// How many it has.
  public var threads = 0

  /// Nothing is known.
  public init() {}

  /// Of this one. Lists its descriptors, which takes milliseconds when there are tens of thousands: not for the loop.
  static var current: ProcessState {
    var state = ProcessState()
    let uptime = ProcessStatistics.uptime
    if uptime > 0 { state.startTime = Double(RecordTime.now().microseconds) / 1e6 - uptime }
    state.residentBytes = ProcessStatistics.residentBytes
    state.virtualBytes = ProcessStatistics.virtualBytes
    if let fields = ProcessStatistics.statFields {
      (state.cpuSeconds, state.threads) = cpuAndThreads(fields, ticksPerSecond: sysconf(Int32(_SC_CLK_TCK)))
    }
    state.openDescriptors = openDescriptorCount
    var limit = rlimit()
    if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
      state.maximumDescriptors = Int(clamping: limit.rlim_cur)
    }
    return state
  }

  /// From the fields of `/proc/self/stat` behind the name: user and system time are the 14th and 15th, threads the 20th
  /// of all.
  static func cpuAndThreads(_ fields: [Substring], ticksPerSecond: Int) -> (cpuSeconds: Double, threads: Int) {
    guard fields.count > 17, ticksPerSecond > 0, let user = UInt64(fields[11]), let system = UInt64(fields[12])
    else { return (0, 0) }
    return ((Double(user) + Double(system)) / Double(ticksPerSecond), Int(fields[17]) ?? 0)
  }

  private static var openDescriptorCount: Int {
    guard let directory = opendir("/proc/self/fd") else { return 0 }
    defer { closedir(directory) }
    var entries = 0
    while readdir(directory) != nil { entries += 1 }
    // Without ".", ".." and the one that lists.
    return max(0, entries - 3)
  }
}
