import Glibc

/// What the kernel says of this process. Small files without a disk behind them; asked off the loop nevertheless.
enum ProcessStatistics {
  /// Bytes of its memory that are in RAM; 0 if that can't be read.
  static var residentBytes: Int {
    guard let text = read("/proc/self/statm") else { return 0 }
    return residentBytes(statm: text, pageSize: sysconf(Int32(_SC_PAGESIZE)))
  }

  /// Bytes of addresses that it uses; 0 if that can't be read.
  static var virtualBytes: Int {
    guard let text = read("/proc/self/statm"), let pages = text.split(separator: " ").first else { return 0 }
    return residentBytes(statm: "0 \(pages)", pageSize: sysconf(Int32(_SC_PAGESIZE)))
  }

  /// What `/proc/self/stat` says behind the name, which may hold anything; nil if that can't be read.
  static var statFields: [Substring]? {
    guard let stat = read("/proc/self/stat"), let nameEnd = stat.lastIndex(of: ")") else { return nil }
    return stat[stat.index(after: nameEnd)...].split(separator: " ")
  }

  /// Seconds since it was started; 0 if that can't be read.
  static var uptime: Double {
    guard let stat = read("/proc/self/stat"), let uptime = read("/proc/uptime") else { return 0 }
    return self.uptime(stat: stat, systemUptime: uptime, ticksPerSecond: sysconf(Int32(_SC_CLK_TCK)))
  }

  /// `<size> <resident> …`, in pages.
  static func residentBytes(statm: String, pageSize: Int) -> Int {
    let fields = statm.split(separator: " ")
    guard fields.count > 1, let pages = Int(fields[1]), pages >= 0, pageSize > 0 else { return 0 }
    let (bytes, isTooLarge) = pages.multipliedReportingOverflow(by: pageSize)
    return isTooLarge ? 0 : bytes
  }

  /// `<pid> (<name>) <state> …`, the start in ticks after the system's is the 22nd field. The name may hold anything.
  static func uptime(stat: String, systemUptime: String, ticksPerSecond: Int) -> Double {
    guard let nameEnd = stat.lastIndex(of: ")"), ticksPerSecond > 0,
      let system = systemUptime.split(separator: " ").first.flatMap({ Double($0) })
    else { return 0 }
    let fields = stat[stat.index(after: nameEnd)...].split(separator: " ")
    guard fields.count > 19, let start = Double(fields[19]) else { return 0 }
    let uptime = system - start / Double(ticksPerSecond)
    return uptime.isFinite && uptime > 0 ? uptime : 0
  }

  private static func read(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
      let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
      return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }
  }
}
