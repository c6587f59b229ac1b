import Glibc

@testable import MEDCore

/// A disk that loses what it may lose: bytes that no fsync followed, names whose directory wasn't synced. Faults come
/// from `fault`, which is asked before each call.
final class FakeDisk: @unchecked Sendable {  // why: used by one thread at a time, the test's or the writer's
  enum Call: Hashable { case open, write, sync, directorySync, makeDirectory }

  enum Fault {
    case fail(Int32)
    /// Of a write: only so many bytes are taken.
    case short(Int)
  }

  final class File {
    let inode: UInt64
    var durable: [UInt8] = []
    var volatile: [UInt8] = []
    /// Lost pages are a hole; the length stays.
    var size = 0
    var isLinked = true
    var isNameDurable = false
    init(inode: UInt64) { self.inode = inode }
  }

  var fault: (Call) -> Fault? = { _ in nil }
  private(set) var names: [String: File] = [:]
  private var descriptors: [Int32: Open] = [:]
  private var nextInode: UInt64 = 1
  private var nextDescriptor: Int32 = 3
  /// Whether their names are on the disk.
  private var directories = ["/": true]

  private enum Open {
    case file(File)
    case directory(String)
  }

  /// What is there after the power was cut.
  var contentsAfterPowerCut: [String: [UInt8]] {
    names.filter { $0.value.isNameDurable && isDurable(FileOperations.parent(of: $0.key)) }.mapValues(\.durable)
  }

  private func isDurable(_ directory: String) -> Bool {
    directory == "/" || directories[directory] == true && isDurable(FileOperations.parent(of: directory))
  }

  private func file(_ descriptor: Int32) -> File? {
    if case .file(let file)? = descriptors[descriptor] { file } else { nil }
  }

  func rename(_ name: String, to other: String) { names[other] = names.removeValue(forKey: name) }

  /// Another process writes and syncs.
  func append(_ bytes: [UInt8], to name: String) {
    names[name]?.durable += bytes
    names[name]?.size += bytes.count
  }

  /// A file is there that is so long, all holes.
  func place(_ name: String, size: Int) {
    let file = File(inode: nextInode)
    nextInode += 1
    file.size = size
    names[name] = file
  }

  func remove(_ name: String) {
    names[name]?.isLinked = false
    names[name] = nil
  }

  var operations: FileOperations {
    FileOperations(
      open: { self.open($0, $1) },
      write: { self.write($0, Array($1)) },
      read: { descriptor, bytes, offset in
        guard let file = self.file(descriptor) else { return -Int(EBADF) }
        let content = (file.durable + file.volatile).dropFirst(Int(offset)).prefix(bytes.count)
        bytes.copyBytes(from: content)
        return content.count
      },
      sync: { self.sync($0) },
      close: { self.descriptors[$0] = nil },
      status: { path in
        if self.directories[path] != nil { return FileStatus(.init(device: 1, inode: 0), isRegular: false) }
        return self.names[path].map { FileStatus($0) }
      },
      statusOfOpen: { self.file($0).map { FileStatus($0) } },
      makeDirectory: { path in
        if case .fail(let code)? = self.fault(.makeDirectory) { return -code }
        if self.directories[path] != nil { return -EEXIST }
        self.directories[path] = false
        return 0
      },
      remove: { path in
        self.remove(path)
        return 0
      })
  }

  private func open(_ path: String, _ flags: Int32) -> Int32 {
    if case .fail(let code)? = fault(.open) { return -code }
    nextDescriptor += 1
    if flags & O_DIRECTORY != 0 {
      guard directories[path] != nil else { return -ENOENT }
      descriptors[nextDescriptor] = .directory(path)
      return nextDescriptor
    }
    if names[path] == nil && flags & O_CREAT == 0 { return -ENOENT }
    if names[path] != nil && flags & O_EXCL != 0 { return -EEXIST }
    let file = names[path] ?? File(inode: nextInode)
    nextInode += 1
    names[path] = file
    descriptors[nextDescriptor] = .file(file)
    return nextDescriptor
  }

  private func write(_ descriptor: Int32, _ bytes: [UInt8]) -> Int {
    guard let file = file(descriptor) else { return -Int(EBADF) }
    switch fault(.write) {
    case .fail(let code): return -Int(code)
    case .short(let count):
      file.volatile += bytes.prefix(count)
      file.size += min(count, bytes.count)
      return min(count, bytes.count)
    case nil:
      file.volatile += bytes
      file.size += bytes.count
      return bytes.count
    }
  }

  private func sync(_ descriptor: Int32) -> Int32 {
    if case .directory(let path)? = descriptors[descriptor] { return syncDirectory(path) }
    guard let file = file(descriptor) else { return -EBADF }
    if case .fail(let code)? = fault(.sync) {
      // As Linux has it: the pages are given up, and the next fsync says that all is well.
      file.volatile = []
      return -code
    }
    file.durable += file.volatile
    file.volatile = []
    return 0
  }

  private func syncDirectory(_ path: String) -> Int32 {
    if case .fail(let code)? = fault(.directorySync) { return -code }
    for (name, file) in names where FileOperations.parent(of: name) == path { file.isNameDurable = true }
    for name in directories.keys where FileOperations.parent(of: name) == path { directories[name] = true }
    return 0
  }
}

extension FileStatus {
  fileprivate init(_ identity: FileIdentity, isRegular: Bool) {
    self.init(identity: identity, isRegular: isRegular, size: 0, links: 1)
  }

  fileprivate init(_ file: FakeDisk.File) {
    self.init(
      identity: FileIdentity(device: 1, inode: file.inode), isRegular: true,
      size: Int64(file.size), links: file.isLinked ? 1 : 0)
  }
}
