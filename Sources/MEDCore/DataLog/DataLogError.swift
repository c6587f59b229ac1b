import Glibc

/// Why a record isn't on disk, or why a log can't be read.
public struct DataLogError: Error, Sendable, Equatable {
  /// The kinds of failure.
  public enum Code: String, Sendable, CaseIterable {
    /// The directory can't be made, opened or synced.
    case directory
    /// The file can't be opened, or is no regular file.
    case open
    /// The file can't be written.
    case write
    /// fsync failed: what the disk holds of the file is unknown.
    case sync
    /// The file can't be read.
    case read
    /// The buffer is full: the disk can't keep up, or hasn't been writable for long.
    case bufferFull
    /// Too many commits wait for the disk.
    case tooManyWaiting
    /// No thread could be started.
    case thread
    /// The log was closed.
    case closed
    /// `MemoryDataLog` was told to fail.
    case injected
  }

  /// The kind of failure.
  public var code: Code
  /// The system's errno; 0 where none applies.
  public var errno: Int32
  /// The file or directory; empty where none applies.
  public var path: String

  /// An error of that kind.
  public init(_ code: Code, errno: Int32 = 0, path: String = "") {
    self.code = code
    self.errno = errno
    self.path = path
  }

  /// One of a fixed set.
  public var metricLabel: String { code.rawValue }
}

extension DataLogError: CustomStringConvertible {
  /// `DATA log: can't write /var/log/medispatcher/data.log: No space left on device (errno 28)`
  public var description: String {
    let what =
      switch code {
      case .directory: "can't use the directory"
      case .open: "can't open"
      case .write: "can't write"
      case .sync: "can't sync"
      case .read: "can't read"
      case .bufferFull: "the buffer is full"
      case .tooManyWaiting: "too many records wait for the disk"
      case .thread: "can't start the writer's thread"
      case .closed: "closed"
      case .injected: "told to fail"
      }
    let place = path.isEmpty ? "" : " \(path)"
    let cause = errno == 0 ? "" : ": \(Self.text(of: errno)) (errno \(errno))"
    return "DATA log: \(what)\(place)\(cause)"
  }

  private static func text(of errno: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      // strerror's own buffer is shared by all threads.
      guard let start = buffer.baseAddress, strerror_r(errno, start, buffer.count) == 0 else { return "unknown error" }
      return String(cString: start)
    }
  }
}
