import Glibc

/// The file that a replay notes its position in: one replay at a time, each note on disk before the next record.
final class ReplayPositionFile {
  let path: String
  private var position: ReplayPosition
  /// -1: nothing is written (a dry run).
  private var descriptor: Int32 = -1

  /// What the names of position files end with.
  static let suffix = ".position"

  /// - Parameters:
  ///   - options: which records are chosen; another choice than the noted one is refused.
  ///   - isDryRun: nothing is made or written.
  /// - Throws: if another replay has it, or it is damaged, or none, or of other options, or can't be written.
  init(_ path: String, options: String, isDryRun: Bool) throws(SystemError) {
    self.path = path
    position = ReplayPosition(options: options)
    let bytes: [UInt8]
    if isDryRun {
      guard access(path, F_OK) == 0 else { return }
      bytes = try readFile(path, atMost: ReplayPosition.maximumBytes)
    } else {
      descriptor = try Self.openLocked(path)
      bytes = try Self.content(descriptor, path)
    }
    if bytes.isEmpty { return }
    do {
      position = try ReplayPosition(parsing: bytes)
    } catch {
      throw SystemError(
        message:
          "\(quoted(path)) \(error.message); name another one with --position, or remove it to begin anew, which "
          + "puts again what was put before")
    }
    guard position.options == options else {
      throw SystemError(
        message: "\(quoted(path)) was noted with other options: \(position.options), now: \(options); what was passed "
          + "over then would never be put. Use the same options, or another file (--position) for a replay of its own")
    }
  }

  deinit {
    guard descriptor >= 0 else { return }
    // By itself the lock would last until each child that is just being started has closed its copy.
    _ = flock(descriptor, LOCK_UN)
    close(descriptor)
  }

  private static func openLocked(_ path: String) throws(SystemError) -> Int32 {
    while true {
      let descriptor: Int32
      do {
        descriptor = try openFile(path, O_RDWR | O_CREAT | O_NONBLOCK | O_NOCTTY, mode: 0o640)
      } catch {
        throw SystemError(message: "\(error.message); --position names another place for the position file")
      }
      if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
        let isTaken = errno == EWOULDBLOCK
        let error = SystemError("can't lock \(quoted(path))")
        close(descriptor)
        throw isTaken ? SystemError(message: "another replay is at work with \(quoted(path))") : error
      }
      var (held, named) = (stat(), stat())
      if fstat(descriptor, &held) == 0, stat(path, &named) == 0, held.st_ino == named.st_ino,
        held.st_dev == named.st_dev
      {
        return descriptor
      }
      // Another one has put a new file in its place in between.
      close(descriptor)
    }
  }

  private static func content(_ descriptor: Int32, _ path: String) throws(SystemError) -> [UInt8] {
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw SystemError(message: "\(quoted(path)) is no regular file")
    }
    return try readAll(descriptor, named: quoted(path), atMost: ReplayPosition.maximumBytes)
  }

  // MARK: Logs

  /// Finds the logs in it, and adds those that it doesn't know, on disk.
  /// - Parameter isOwn: it belongs to that one log, by its name.
  /// - Returns: the number of each.
  /// - Throws: if it speaks of another log by the same name, or of more than there is.
  func register(_ files: [RecordFile], isOwn: Bool) throws(SystemError) -> [Int] {
    var numbers = files.map { file in position.logs.firstIndex { $0.isOf(file) } }
    let known = Set(numbers.compactMap(\.self))
    guard known.count == numbers.count(where: { $0 != nil }) else {
      throw SystemError(message: "two of the files are the same log")
    }
    var isNews = false
    for (index, file) in files.enumerated() {
      if let number = numbers[index] {
        try check(position.logs[number], file)
        continue
      }
      if let other = stranger(file, isOwn: isOwn, known) { throw mismatch(file, other) }
      guard position.logs.count < ReplayPosition.maximumLogs else {
        throw SystemError(message: "\(quoted(path)) has \(ReplayPosition.maximumLogs) logs: use another position file")
      }
      numbers[index] = position.logs.count
      position.logs.append(try ReplayPosition.Log(file))
      isNews = true
    }
    if isNews && descriptor >= 0 { try replace() }
    return numbers.compactMap(\.self)
  }

  func place(of number: Int) -> ReplayPosition.Place { position.logs[number].place }

  private func check(_ log: ReplayPosition.Log, _ file: RecordFile) throws(SystemError) {
    guard log.place.offset <= file.size else {
      throw SystemError(
        message:
          "\(quoted(file.path)) has \(file.size) bytes, but \(quoted(path)) says that it was replayed up to byte "
          + "\(log.place.offset): it was truncated. Remove the position file to begin anew")
    }
    // A position is where a line begins.
    if log.place.offset > 0, file.bytes(at: log.place.offset - 1, 1) != [0x0A] {
      throw SystemError(
        message: "byte \(log.place.offset) of \(quoted(file.path)), where \(quoted(path)) says to go on, isn't the "
          + "beginning of a line: the file was changed. Remove the position file to begin anew")
    }
  }

  /// What this file knows by the log's name or inode, though it is another one.
  private func stranger(_ file: RecordFile, isOwn: Bool, _ known: Set<Int>) -> ReplayPosition.Log? {
    let absolute = absolutePath(file.path)
    return position.logs.enumerated().first { number, log in
      !known.contains(number) && (isOwn || log.path == absolute || log.isSameInode(file))
    }?.element
  }

  private func mismatch(_ file: RecordFile, _ log: ReplayPosition.Log) -> SystemError {
    var text = "\(quoted(path)) belongs to another file than \(quoted(file.path)) is now: "
    if log.isSameInode(file) {
      text += "it was truncated or written anew. Remove the position file to begin anew"
    } else if let moved = renamed(log) {
      text += "that one is called \(quoted(moved)) now. Replay it first (--position \(shellQuoted(path))), or keep its "
      text += "position: mv \(shellQuoted(path)) \(shellQuoted(moved + Self.suffix))"
    } else {
      text += "of \(quoted(log.path)), replayed up to byte \(log.place.offset). Rename or remove the position file, or "
      text += "name another one with --position"
    }
    return SystemError(message: text)
  }

  /// What a log is called now, if it is still in its directory.
  private func renamed(_ log: ReplayPosition.Log) -> String? {
    let directory = parentDirectory(of: log.path)
    for name in directoryNames(directory, atMost: PositionSearch.maximumNames) {
      var status = stat()
      let path = "\(directory)/\(name)"
      guard stat(path, &status) == 0, UInt64(status.st_ino) == log.inode, UInt64(status.st_dev) == log.device else {
        continue
      }
      if let file = try? RecordFile(path), log.isOf(file) { return path }
    }
    return nil
  }

  // MARK: Writing

  /// Notes how far a log is done; returns when that is on disk.
  func note(_ number: Int, offset: UInt64, put: UInt64) throws(SystemError) {
    guard descriptor >= 0 else { return }
    var place = position.logs[number].place
    place = ReplayPosition.Place(number: place.number + 1, offset: offset, put: put)
    let bytes = position.encoded(place, of: number)
    let start = position.placeOffset(of: number, number: place.number)
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        pwrite(
          descriptor, buffer.baseAddress.map { $0 + written }, bytes.count - written, off_t(start) + off_t(written))
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw SystemError("can't write \(quoted(path))") }
      written += count
    }
    guard fdatasync(descriptor) == 0 else { throw SystemError("can't sync \(quoted(path))") }
    position.logs[number].place = place
  }

  /// Puts a new file in the place of the old one, locked before it has the name.
  private func replace() throws(SystemError) {
    let temporary = path + ".new"
    unlink(temporary)
    let new = try openFile(temporary, O_RDWR | O_CREAT | O_EXCL, mode: 0o640)
    do throws(SystemError) {
      guard flock(new, LOCK_EX | LOCK_NB) == 0 else { throw SystemError("can't lock \(quoted(temporary))") }
      try writeAll(position.encoded, to: new)
      guard fsync(new) == 0 else { throw SystemError("can't sync \(quoted(temporary))") }
      guard rename(temporary, path) == 0 else { throw SystemError("can't rename \(quoted(temporary))") }
      try Self.syncDirectory(parentDirectory(of: path))
    } catch {
      close(new)
      throw error
    }
    close(descriptor)
    descriptor = new
  }

  private static func syncDirectory(_ path: String) throws(SystemError) {
    let descriptor = try openFile(path, O_RDONLY | O_DIRECTORY)
    defer { close(descriptor) }
    // EINVAL: the file system has no such thing; it does what it can by itself.
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw SystemError("can't sync \(quoted(path))") }
  }
}

/// Position files that lie beside a log.
enum PositionSearch {
  static let maximumNames = 10_000
  private static let maximumBytes = 1 << 20

  /// A position file of the same options in the log's directory that knows it, by the name it had before a rotation.
  static func find(_ file: RecordFile, options: String) -> (path: String, log: ReplayPosition.Log)? {
    let directory = parentDirectory(of: file.path)
    for name in directoryNames(directory, atMost: maximumNames) where name.hasSuffix(ReplayPositionFile.suffix) {
      let path = directory == "." && !file.path.hasPrefix("./") ? name : "\(directory)/\(name)"
      guard let bytes = try? readFile(path, atMost: maximumBytes), let position = try? ReplayPosition(parsing: bytes),
        position.options == options, let log = position.logs.first(where: { $0.isOf(file) })
      else { continue }
      return (path, log)
    }
    return nil
  }
}

/// A word as a shell takes it.
func shellQuoted(_ word: String) -> String {
  let plain = word.utf8.allSatisfy { byte in
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "-_./:=@+,".utf8.contains(byte)
    }
  }
  if plain && !word.isEmpty { return word }
  return "'" + escapeControlCharacters(word[...]).replacing("'", with: "'\\''") + "'"
}
