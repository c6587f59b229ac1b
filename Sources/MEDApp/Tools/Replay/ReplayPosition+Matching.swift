import Glibc

extension ReplayPosition.Log {
  /// A log as it is now, from its beginning on.
  init(_ file: RecordFile) throws(SystemError) {
    let count = Int(min(file.size, UInt64(LogFingerprint.maximum)))
    guard let bytes = file.beginning(count) else { throw SystemError(message: "can't read \(quoted(file.path))") }
    self.init(
      path: absolutePath(file.path), device: file.device, inode: file.inode, fingerprintBytes: count,
      fingerprint: Checksum.of(bytes))
  }

  /// Whether `file` is this log, whatever it is called now: renamed by a rotation, or a copy.
  func isOf(_ file: RecordFile) -> Bool {
    guard let bytes = file.beginning(fingerprintBytes), Checksum.of(bytes) == fingerprint else { return false }
    return fingerprintBytes >= LogFingerprint.meaningful || isSameInode(file)
  }

  func isSameInode(_ file: RecordFile) -> Bool { file.device == device && file.inode == inode }
}

/// Without symbolic links; as it is if that can't be told.
func absolutePath(_ path: String) -> String {
  guard let resolved = realpath(path, nil) else { return path }
  defer { free(resolved) }
  return String(cString: resolved)
}

/// The directory that holds `path`.
func parentDirectory(of path: String) -> String {
  guard let slash = path.lastIndex(of: "/") else { return "." }
  return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// The names in a directory, at most so many; none if it can't be read.
func directoryNames(_ path: String, atMost limit: Int) -> [String] {
  guard let directory = opendir(path) else { return [] }
  defer { closedir(directory) }
  var names: [String] = []
  while names.count < limit, let entry = readdir(directory) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
      pointer.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
    }
    names.append(name)
  }
  return names.sorted()
}
