import Glibc

/// The file side of the log: which file is written now, and what is not yet known to be on disk.
///
/// Belongs to the writer's thread alone. Bytes stay in `unconfirmed` until an fsync has followed them, so that they
/// can be written again into another file; past `syncThreshold` an fsync is made for that reason alone.
struct DataLogFile {
  let directory: String
  let naming: DataLogNaming
  let operations: FileOperations
  /// Bytes written without an fsync, at most; also the memory that they are kept in.
  var syncThreshold = 4 << 20
  /// An existing file to go on with, instead of one by the name of the moment; asked for once.
  var continued: String?

  private(set) var unconfirmed: [UInt8] = []
  private(set) var syncs: UInt64 = 0
  /// What the last `store` had to make good by a new file.
  private(set) var recovered: DataLogError?
  private var current: Open?
  /// How much of `unconfirmed` is in the current file.
  private var written = 0
  /// Files that have failed, by identity, not by name: rotation may give the name to a sound one.
  private var distrusted: Set<FileIdentity> = []
  private var period: Int64?
  private var lastLook: UInt64 = 0
  /// Directories that have got a new name in them and could not be synced.
  private var unsyncedDirectories: [String] = []

  private struct Open {
    let descriptor: Int32
    let path: String
    let identity: FileIdentity
    /// Bytes.
    var size: Int64
    /// A crash left the last line unfinished.
    var needsNewline: Bool
    /// Whether it may hold anything that isn't in `unconfirmed`.
    var holdsConfirmed: Bool
  }

  /// What is to be done beside writing.
  struct Demands {
    /// Someone waits for the disk.
    var sync = false
    /// Let go of the file and open it by name anew.
    var reopen = false
    var time: RecordTime
    /// Nanoseconds of a clock that only goes forward.
    var uptime: UInt64
  }

  init(directory: String, naming: DataLogNaming, operations: FileOperations) {
    self.directory = directory
    self.naming = naming
    self.operations = operations
  }

  var path: String? { current?.path }

  /// Writes `batch`; with `sync`, all that was ever given is on disk afterwards.
  ///
  /// If anything fails, a new file is begun and all that isn't confirmed is written and synced there.
  /// - Throws: if that fails too. The log then has no open file and keeps what is unconfirmed for the next attempt;
  ///   see ``forget(_:ofBatch:)``.
  mutating func store(_ batch: [UInt8], _ demands: Demands) throws(DataLogError) {
    unconfirmed += batch
    recovered = nil
    do {
      try attempt(demands, mustBeNew: false)
    } catch {
      distrustCurrent()
      var again = demands
      again.sync = true
      do {
        try attempt(again, mustBeNew: true)
        recovered = error
      } catch let second {
        distrustCurrent()
        // The first failure tells the cause, the second often only its consequence; but a directory that is gone
        // shows in the second alone.
        throw error.code == .sync || error.code == .write ? error : second
      }
    }
  }

  /// Takes lines of the last batch out of what is unconfirmed: their owners are told of the failure. After `store`
  /// threw, which leaves the whole batch at the end; what was there before it may have been confirmed on the way.
  /// - Parameters:
  ///   - lines: ranges in the batch, ascending.
  ///   - count: the batch's length.
  mutating func forget(_ lines: [Range<Int>], ofBatch count: Int) {
    guard !lines.isEmpty else { return }
    let base = unconfirmed.count - count
    var kept: [UInt8] = []
    var start = 0
    for line in lines {
      kept += unconfirmed[start..<base + line.lowerBound]
      start = base + line.upperBound
    }
    kept += unconfirmed[start...]
    unconfirmed = kept
  }

  mutating func close() {
    if let current { operations.close(current.descriptor) }
    current = nil
    written = 0
  }

  // MARK: One attempt

  private mutating func attempt(_ demands: Demands, mustBeNew: Bool) throws(DataLogError) {
    try leave(demands)
    if current == nil { try open(at: demands.time, mustBeNew: mustBeNew) }
    try write()
    if demands.sync || unconfirmed.count >= syncThreshold { try sync() }
  }

  private mutating func write() throws(DataLogError) {
    guard let file = current, written < unconfirmed.count else { return }
    if file.needsNewline {
      try put([0x0A], from: 0, into: file)
      current?.needsNewline = false
    }
    try put(unconfirmed, from: written, into: file)
    written = unconfirmed.count
  }

  private mutating func put(_ bytes: [UInt8], from start: Int, into file: Open) throws(DataLogError) {
    let count = bytes.withUnsafeBytes { bytes in
      operations.write(file.descriptor, UnsafeRawBufferPointer(rebasing: bytes[start...]))
    }
    if count < 0 { throw DataLogError(.write, errno: Int32(clamping: -count), path: file.path) }
    current?.size += Int64(count)
    // A regular file takes less than all only when there is no room for the rest.
    if count < bytes.count - start { throw DataLogError(.write, errno: ENOSPC, path: file.path) }
  }

  private mutating func sync() throws(DataLogError) {
    guard let file = current else { return }
    let result = operations.sync(file.descriptor)
    syncs += 1
    guard result == 0 else { throw DataLogError(.sync, errno: -result, path: file.path) }
    if !unconfirmed.isEmpty { current?.holdsConfirmed = true }
    unconfirmed.removeAll(keepingCapacity: unconfirmed.capacity <= 2 * syncThreshold)
    written = 0
  }

  // MARK: Which file

  /// Lets go of a file that isn't the right one any more: another day, too long, renamed, removed, or by demand.
  private mutating func leave(_ demands: Demands) throws(DataLogError) {
    let period = naming.period(at: demands.time)
    if period != self.period { distrusted = [] }
    let isStale = period != self.period || demands.reopen || isFull
    self.period = period
    guard let file = current, isStale || isGone(file, demands) else { return }
    // What was written to a file that has no name any more is lost with it: it stays unconfirmed, for the next one.
    // A renamed file keeps it.
    let isRemoved = operations.statusOfOpen(file.descriptor).map { $0.links == 0 } ?? false
    if !isRemoved && written > 0 {
      let rest = unconfirmed[written...]
      unconfirmed = Array(unconfirmed[..<written])
      defer { unconfirmed += rest }
      try sync()
    }
    close()
  }

  private var isFull: Bool { current.map { $0.size >= naming.limit } ?? false }

  /// Whether the name stands for another file by now. Looked at once a second, and whenever somebody waits for the
  /// disk: the only copy must not go into a file that was removed.
  private mutating func isGone(_ file: Open, _ demands: Demands) -> Bool {
    guard demands.sync || demands.uptime >= lastLook &+ 1_000_000_000 else { return false }
    lastLook = demands.uptime
    return operations.status(file.path)?.identity != file.identity
  }

  private mutating func open(at time: RecordTime, mustBeNew: Bool) throws(DataLogError) {
    try prepareDirectory()
    if !mustBeNew, let path = continued.take() {
      let existing = operations.open(path, O_RDWR | O_APPEND | O_NONBLOCK | O_NOCTTY)
      // One that is too long is left again before anything is written to it.
      if existing >= 0, try adopt(existing, path, isNew: false), !isFull { return }
      close()
    }
    for number in 0...DataLogNaming.successors {
      let path = "\(directory)/\(naming.name(at: time, number: number))"
      let flags = O_RDWR | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY
      let created = operations.open(path, flags | O_EXCL)
      if created >= 0 {
        try adopt(created, path, isNew: true)
        return try operations.syncDirectory(directory)
      }
      guard created == -EEXIST else { throw DataLogError(.open, errno: -created, path: path) }
      if mustBeNew { continue }
      let existing = operations.open(path, flags)
      guard existing >= 0 else { throw DataLogError(.open, errno: -existing, path: path) }
      // Whoever made it may have died before its name was on disk.
      if try adopt(existing, path, isNew: false) { return try operations.syncDirectory(directory) }
    }
    throw DataLogError(.open, errno: EEXIST, path: directory)
  }

  /// Makes the directory, and what is missing above it, and syncs what has a new name in it.
  private mutating func prepareDirectory() throws(DataLogError) {
    var missing: [String] = []
    var path = directory
    while operations.status(path) == nil && FileOperations.parent(of: path) != path {
      missing.append(path)
      path = FileOperations.parent(of: path)
    }
    for path in missing.reversed() {
      let result = operations.makeDirectory(path)
      guard result == 0 || result == -EEXIST else { throw DataLogError(.directory, errno: -result, path: path) }
      unsyncedDirectories.append(FileOperations.parent(of: path))
    }
    while let path = unsyncedDirectories.last {
      try operations.syncDirectory(path)
      unsyncedDirectories.removeLast()
    }
  }

  /// - Returns: false if the file has failed before; then it is closed.
  @discardableResult
  private mutating func adopt(_ descriptor: Int32, _ path: String, isNew: Bool) throws(DataLogError) -> Bool {
    guard let status = operations.statusOfOpen(descriptor), status.isRegular else {
      operations.close(descriptor)
      throw DataLogError(.open, errno: EINVAL, path: path)
    }
    if !isNew && distrusted.contains(status.identity) {
      operations.close(descriptor)
      return false
    }
    distrusted.remove(status.identity)
    var last: UInt8 = 0x0A
    if status.size > 0 {
      let count = withUnsafeMutableBytes(of: &last) { operations.read(descriptor, $0, status.size - 1) }
      // A newline too many does no harm.
      if count != 1 { last = 0 }
    }
    current = Open(
      descriptor: descriptor, path: path, identity: status.identity, size: status.size,
      needsNewline: last != 0x0A, holdsConfirmed: !isNew)
    written = 0
    return true
  }

  /// After a failure the file isn't written again. One of our own that holds nothing but what is unconfirmed is
  /// removed, so that a disk that stays full isn't littered with pieces; one that another process has written to, as
  /// when two of them overlap at a restart, is not.
  private mutating func distrustCurrent() {
    guard let file = current else { return }
    let isSizeOurs = operations.statusOfOpen(file.descriptor).map { $0.size == file.size } ?? false
    let isNameOurs = operations.status(file.path)?.identity == file.identity
    close()
    let isOursAlone = !file.holdsConfirmed && isSizeOurs && isNameOurs
    if !isOursAlone || operations.remove(file.path) != 0 { distrusted.insert(file.identity) }
  }
}
