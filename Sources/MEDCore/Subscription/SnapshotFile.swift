import Glibc

/// A whole file, read and replaced. Blocks: for threads of their own.
enum SnapshotFile {
  /// More than 100 times what 20,000 subscriptions need.
  static let maximumBytes = 1 << 30

  /// Replaces the file so that after a crash it holds the old bytes or the new ones: temporary file, fsync, rename,
  /// fsync of the directory. Readable by the owner alone, because of the signing secrets.
  /// - Parameter isDurable: without it, no fsync: the file may be empty or gone after a power cut.
  /// - Returns: what failed, or nil.
  static func write(_ bytes: [UInt8], to path: String, isDurable: Bool = true) -> String? {
    let temporary = path + ".new"
    let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { return problem("open", temporary) }
    var error: String?
    if !writeAll(bytes, to: file) {
      error = problem("write", temporary)
    } else if isDurable && fsync(file) != 0 {
      error = problem("fsync", temporary)
    }
    if close(file) != 0 && error == nil { error = problem("close", temporary) }
    if error == nil && rename(temporary, path) != 0 { error = problem("rename", temporary) }
    if let error {
      unlink(temporary)
      return error
    }
    return isDurable ? syncDirectory(of: path) : nil
  }

  static func read(_ path: String, atMost maximumBytes: Int = maximumBytes) -> Result<[UInt8], StoreError> {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return .failure(StoreError(.unavailable, problem("open", path))) }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { return .failure(StoreError(.unavailable, problem("stat", path))) }
    guard status.st_size >= 0, status.st_size <= maximumBytes else {
      return .failure(StoreError(.corrupt, "\(path): larger than \(maximumBytes) bytes"))
    }
    var failed = false
    let size = Int(status.st_size)
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      while count < size, let base = buffer.baseAddress {
        let got = Glibc.read(file, base + count, size - count)
        if got < 0 && errno == EINTR { continue }
        if got < 0 { failed = true }
        if got <= 0 { break }
        count += got
      }
    }
    return failed ? .failure(StoreError(.unavailable, problem("read", path))) : .success(bytes)
  }

  private static func writeAll(_ bytes: [UInt8], to file: Int32) -> Bool {
    bytes.withUnsafeBytes { buffer in
      var written = 0
      while written < buffer.count, let base = buffer.baseAddress {
        let count = Glibc.write(file, base + written, buffer.count - written)
        if count < 0 && errno == EINTR { continue }
        if count <= 0 { return false }
        written += count
      }
      return true
    }
  }

  private static func syncDirectory(of path: String) -> String? {
    let directory = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let file = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard file >= 0 else { return problem("open", directory) }
    defer { close(file) }
    return fsync(file) == 0 ? nil : problem("fsync", directory)
  }

  private static func problem(_ call: String, _ path: String) -> String {
    let code = errno
    return "\(call) \(path): \(strerror(code).map { String(cString: $0) } ?? "error \(code)")"
  }
}
