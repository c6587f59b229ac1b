import Glibc

/// One log file: opened when there is something to write, found anew when it was renamed, removed or the day changed.
/// Used by the writer's thread alone.
///
/// Lines are appended wherever the file ends at that moment, so that it may be truncated by others (copytruncate).
struct LogFile: ~Copyable {
  struct Failure: Error {
    let cause: SystemError
    /// A line that was written in part counts.
    let lostLines: Int
  }

  private let directory: String
  private let name: String
  private let isSplit: Bool

  private var descriptor: Int32 = -1
  private var path = ""
  private var day: Int64 = .min
  /// The last line was written in part: the next one must not go on with it.
  private var isTorn = false

  init(directory: String, name: String, isSplit: Bool) {
    self.directory = directory
    self.name = name
    self.isSplit = isSplit
  }

  deinit {
    if descriptor >= 0 { Glibc.close(descriptor) }
  }

  var isOpen: Bool { descriptor >= 0 }

  /// Appends whole lines.
  mutating func write(_ lines: [UInt8], at time: Timestamp) throws(Failure) {
    if isSplit, time.day != day { close() }
    if descriptor < 0 {
      do { try open(at: time) } catch { throw Failure(cause: error, lostLines: Self.count(lines[...])) }
    }
    do {
      try Self.append(isTorn ? [UInt8(ascii: "\n")] + lines : lines, to: descriptor)
      isTorn = false
    } catch {
      // Where the lines stop nobody knows; an empty line more does no harm, and isn't one that is lost.
      isTorn = true
      throw Failure(cause: error.cause, lostLines: min(error.lostLines, Self.count(lines[...])))
    }
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
    isTorn = false
  }

  private mutating func open(at time: Timestamp) throws(SystemError) {
    day = time.day
    path = directory + "/" + (isSplit ? "\(name).\(time.date).log" : "\(name).log")
    descriptor = try openFile(path, O_WRONLY | O_APPEND | O_CREAT, mode: 0o640)
  }

  /// Writes everything, however many calls it takes, or as much as there is room for.
  static func append(_ lines: [UInt8], to descriptor: Int32) throws(Failure) {
    var rest = lines[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        let error = SystemError("can't write")
        if error.number == EINTR || error.number == EAGAIN && waitUntilWritable(descriptor) { continue }
        throw Failure(cause: error, lostLines: Self.count(rest))
      }
      rest = rest.dropFirst(count)
    }
  }

  private static func count(_ lines: ArraySlice<UInt8>) -> Int { lines.count { $0 == UInt8(ascii: "\n") } }

  /// Standard output may be shared with somebody who has made it non-blocking.
  private static func waitUntilWritable(_ descriptor: Int32) -> Bool {
    var event = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    return poll(&event, 1, 1000) >= 0 || errno == EINTR
  }
}
