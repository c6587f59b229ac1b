import Glibc
import MEDCore

/// A DATA log or drop log that a tool reads: open, and known to be one that can be read.
final class RecordFile {
  let path: String
  private let descriptor: Int32
  let device: UInt64
  let inode: UInt64

  /// The bytes that tell compressed files.
  private static let compressions: [(name: String, bytes: [UInt8])] = [
    ("gzip", [0x1f, 0x8b]), ("zstd", [0x28, 0xb5, 0x2f, 0xfd]), ("xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a]),
    ("bzip2", Array("BZh".utf8)),
  ]

  /// - Throws: if it can't be opened, or is a directory, a pipe or compressed.
  init(_ path: String) throws(SystemError) {
    self.path = path
    // A pipe without a writer would be waited for.
    descriptor = try openFile(path, O_RDONLY | O_NONBLOCK | O_NOCTTY)
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let error = SystemError("can't look at \(quoted(path))")
      close(descriptor)
      throw error
    }
    (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
    if let reason = Self.refusal(of: status, descriptor) {
      close(descriptor)
      throw SystemError(message: "\(quoted(path)) \(reason)")
    }
  }

  deinit { close(descriptor) }

  private static func refusal(of status: stat, _ descriptor: Int32) -> String? {
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: return "is a directory: name the files in it"
    default: return "is no regular file"
    }
    let start = bytes(descriptor, at: 0, 8) ?? []
    let compression = compressions.first { start.starts(with: $0.bytes) }
    return compression.map { "is compressed (\($0.name)): unpack it first" }
  }

  /// Bytes; 0 if it can't be told.
  var size: UInt64 {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? UInt64(max(status.st_size, 0)) : 0
  }

  /// Whether `path` still names this file; nil if it names none.
  var isStillNamed: Bool? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return UInt64(status.st_dev) == device && UInt64(status.st_ino) == inode
  }

  /// - Parameter offset: where a line begins.
  func reader(from offset: UInt64) -> DataLogReader {
    DataLogReader(path: path, offset: offset) { [self] buffer, offset in
      while true {
        let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
        if count >= 0 { return count }
        if errno != EINTR { return -Int(errno) }
      }
    }
  }

  /// The first `count` bytes; nil if there aren't as many.
  func beginning(_ count: Int) -> [UInt8]? { bytes(at: 0, count) }

  /// Nil if there aren't as many.
  func bytes(at offset: UInt64, _ count: Int) -> [UInt8]? {
    guard let bytes = Self.bytes(descriptor, at: offset, count), bytes.count == count else { return nil }
    return bytes
  }

  private static func bytes(_ descriptor: Int32, at offset: UInt64, _ count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      let read = bytes.withUnsafeMutableBytes { buffer in
        pread(descriptor, buffer.baseAddress.map { $0 + filled }, count - filled, off_t(offset) + off_t(filled))
      }
      if read < 0 && errno == EINTR { continue }
      if read < 0 { return nil }
      if read == 0 { break }
      filled += read
    }
    return Array(bytes[..<filled])
  }

  // MARK: Lines

  /// Where lines were counted to.
  private var counted: (offset: UInt64, line: Int) = (0, 1)

  /// The number of the line that begins at `offset`, from 1 on. Ask in rising order: it counts on from there.
  func line(at offset: UInt64) -> Int {
    if offset < counted.offset { counted = (0, 1) }
    while counted.offset < offset {
      let wanted = Int(min(offset - counted.offset, 1 << 20))
      guard let bytes = Self.bytes(descriptor, at: counted.offset, wanted), !bytes.isEmpty else { break }
      counted.line += bytes.count { $0 == 0x0A }
      counted.offset += UInt64(bytes.count)
    }
    return counted.line
  }
}
