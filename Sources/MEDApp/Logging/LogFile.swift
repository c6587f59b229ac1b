import Glibc

/// One log file: opened when there is something to write, found anew when it was renamed, removed or the day changed.
/// Used by the writer's thread alone.
struct LogFile: ~Copyable {
  private let directory: String
  private let name: String
  private let isSplit: Bool

  private var descriptor: Int32 = -1
  private var path = ""
  private var day: Int64 = .min

  init(directory: String, name: String, isSplit: Bool) {
    self.directory = directory
    self.name = name
    self.isSplit = isSplit
  }

  deinit {
    if descriptor >= 0 { Glibc.close(descriptor) }
  }

  /// Appends whole lines.
  mutating func write(_ lines: [UInt8], at time: Timestamp) throws(SystemError) {
    if isSplit, time.day != day { close() }
    if descriptor < 0 { try open(at: time) }
    try writeAll(lines, to: descriptor)
  }

  /// Closes the file if another one, or none, stands under its name now. The next write opens it.
  mutating func closeIfMoved() {
    guard descriptor >= 0 else { return }
    var there = stat()
    var ours = stat()
    let same =
      stat(path, &there) == 0 && fstat(descriptor, &ours) == 0 && there.st_ino == ours.st_ino
      && there.st_dev == ours.st_dev
    if !same { close() }
  }

  mutating func close() {
    if descriptor >= 0 { Glibc.close(descriptor) }
    descriptor = -1
  }

  private mutating func open(at time: Timestamp) throws(SystemError) {
    day = time.day
    path = directory + "/" + (isSplit ? "\(name).\(time.date).log" : "\(name).log")
    descriptor = try openFile(path, O_WRONLY | O_APPEND | O_CREAT, mode: 0o640)
  }
}
