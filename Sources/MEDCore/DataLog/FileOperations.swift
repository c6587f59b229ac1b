import Glibc

/// Which file a name or a descriptor stands for.
struct FileIdentity: Hashable, Sendable {
  var device: UInt64
  var inode: UInt64
}

/// What is known of an open file or of a name.
struct FileStatus: Sendable {
  var identity: FileIdentity
  var isRegular: Bool
  /// Bytes.
  var size: Int64
  /// Names that the file has; 0 once it was removed.
  var links: Int
}

/// The calls that the writer makes, each as one closure, so that tests can let any of them fail.
/// Results as in C, but failures are `-errno`, and EINTR is never seen.
struct FileOperations: Sendable {
  var open: @Sendable (_ path: String, _ flags: Int32) -> Int32
  var write: @Sendable (_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int
  /// Reads at an offset.
  var read: @Sendable (_ descriptor: Int32, _ bytes: UnsafeMutableRawBufferPointer, _ offset: Int64) -> Int
  var sync: @Sendable (_ descriptor: Int32) -> Int32
  var close: @Sendable (_ descriptor: Int32) -> Void
  /// Nil if it can't be told, as for a name that isn't there.
  var status: @Sendable (_ path: String) -> FileStatus?
  var statusOfOpen: @Sendable (_ descriptor: Int32) -> FileStatus?
  var makeDirectory: @Sendable (_ path: String) -> Int32
  var remove: @Sendable (_ path: String) -> Int32

  static let system = FileOperations(
    open: { path, flags in retried { Glibc.open(path, flags | O_CLOEXEC, 0o640) } },
    write: { descriptor, bytes in retried { Glibc.write(descriptor, bytes.baseAddress, bytes.count) } },
    read: { descriptor, bytes, offset in retried { pread(descriptor, bytes.baseAddress, bytes.count, off_t(offset)) } },
    sync: { descriptor in retried { fsync(descriptor) } },
    close: { descriptor in _ = Glibc.close(descriptor) },
    status: { path in
      var status = stat()
      return stat(path, &status) == 0 ? FileStatus(status) : nil
    },
    statusOfOpen: { descriptor in
      var status = stat()
      return fstat(descriptor, &status) == 0 ? FileStatus(status) : nil
    },
    makeDirectory: { path in retried { mkdir(path, 0o750) } },
    remove: { path in retried { unlink(path) } })

  private static func retried<Result: FixedWidthInteger & SignedInteger>(_ call: () -> Result) -> Result {
    while true {
      let result = call()
      if result >= 0 { return result }
      let code = errno
      if code != EINTR { return -Result(truncatingIfNeeded: code) }
    }
  }
}

extension FileOperations {
  func syncDirectory(_ path: String) throws(DataLogError) {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY)
    guard descriptor >= 0 else { throw DataLogError(.directory, errno: -descriptor, path: path) }
    defer { close(descriptor) }
    let result = sync(descriptor)
    // EINVAL: the file system has no such thing; it does what it can by itself.
    guard result == 0 || result == -EINVAL else { throw DataLogError(.directory, errno: -result, path: path) }
  }

  /// `/` for `/`, `.` for a name alone.
  static func parent(of path: String) -> String {
    let trimmed = path.utf8.lastIndex { $0 != UInt8(ascii: "/") }.map { path[...$0] } ?? "/"
    guard let slash = trimmed.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    let parent = trimmed[..<slash]
    return parent.isEmpty ? "/" : String(parent)
  }
}

extension FileStatus {
  fileprivate init(_ status: stat) {
    self.init(
      identity: FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino)),
      isRegular: status.st_mode & S_IFMT == S_IFREG, size: Int64(status.st_size), links: Int(status.st_nlink))
  }
}
