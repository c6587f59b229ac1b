import Glibc

/// The journal's file. Blocks: for the journal's thread.
///
/// Nothing is synced: what `write` has taken outlives the process, whatever kills it; a power cut may take the last
/// seconds. The file says the same after each compaction and is replaced at once.
struct JournalFile {
  typealias Write = @Sendable (_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, _ offset: Int) -> Int

  static let limit = 64 << 20
  /// Below this a file isn't worth compacting.
  static let smallest = 4 << 20
  /// A first failure that hasn't been settled for so long (seconds) is forgotten: its message is gone.
  static let longestUnsettled: Int64 = 30 * 86_400

  let path: String
  private(set) var size = 0
  private let limit: Int
  private let smallest: Int
  private let write: Write
  private let now: @Sendable () -> Int64
  private var descriptor: Int32 = -1
  private var nextCompaction: Int
  /// A full file isn't read again and again.
  private var compactedAt: Int64 = .min

  init(
    path: String, limit: Int = Self.limit, smallest: Int = Self.smallest,
    write: @escaping Write = Self.systemWrite,
    now: @escaping @Sendable () -> Int64 = { RecordTime.now().microseconds / 1_000_000 }
  ) {
    self.path = path
    self.limit = limit
    self.smallest = smallest
    nextCompaction = smallest
    self.write = write
    self.now = now
  }

  /// Reads what is there and goes on behind it; a tail that was being written when the process died is cut off.
  /// - Returns: what it says, and what is wrong with it.
  mutating func open() -> (state: JournalState, problem: String?) {
    guard access(path, F_OK) == 0 else { return (JournalState(), nil) }
    switch read() {
    case .failure(let error):
      return (JournalState(), error.message)
    case .success(let (state, good, total)):
      size = good
      if good == total { return (state, nil) }
      _ = attach()
      cutBack()
      return (state, "\(total - good) bytes at its end are cut off or damaged")
    }
  }

  private func read() -> Result<(JournalState, good: Int, total: Int), StoreError> {
    SnapshotFile.read(path).map { bytes in
      var state = JournalState()
      let good = JournalFormat.read(bytes) { state.apply($0) }
      return (state, good, bytes.count)
    }
  }

  /// - Returns: what failed, or nil. Then the file is as it was before.
  mutating func append(_ bytes: [UInt8]) -> String? {
    if bytes.isEmpty { return nil }
    if size + bytes.count > min(nextCompaction, limit) { compact() }
    guard size + bytes.count <= limit else { return "\(path): is full (\(limit) bytes)" }
    if let problem = attach() { return problem }
    if size == 0 {
      // What could not be read when it was opened would stand behind what is written now.
      guard ftruncate(descriptor, 0) == 0 else { return problem("truncate") }
      if let problem = put(JournalFormat.magic, at: 0) { return problem }
      size = JournalFormat.magic.count
    }
    if let problem = put(bytes, at: size) { return problem }
    size += bytes.count
    return nil
  }

  /// Everything in it is in the store.
  mutating func clear() -> String? {
    nextCompaction = smallest
    guard size > 0 else { return nil }
    if let problem = attach() { return problem }
    guard ftruncate(descriptor, 0) == 0 else { return problem("truncate") }
    size = 0
    return nil
  }

  mutating func close() {
    if descriptor >= 0 { _ = Glibc.close(descriptor) }
    descriptor = -1
  }

  private mutating func compact() {
    let time = now()
    guard time > compactedAt else { return }
    compactedAt = time
    guard case .success(let (state, _, _)) = read() else { return }
    let bytes = state.compacted(unsettledSince: time - Self.longestUnsettled)
    // Without syncing: the new file replaces the old one for whoever opens it from now on.
    guard SnapshotFile.write(bytes, to: path, isDurable: false) == nil else { return }
    close()
    size = bytes.count
    nextCompaction = max(smallest, 2 * size)
  }

  private mutating func attach() -> String? {
    if descriptor >= 0 { return nil }
    descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    return descriptor >= 0 ? nil : problem("open")
  }

  private mutating func put(_ bytes: [UInt8], at offset: Int) -> String? {
    var written = 0
    let failure = bytes.withUnsafeBytes { buffer -> String? in
      while written < buffer.count {
        let count = write(descriptor, UnsafeRawBufferPointer(rebasing: buffer[written...]), offset + written)
        if count < 0 && errno == EINTR { continue }
        if count <= 0 { return problem("write") }
        written += count
      }
      return nil
    }
    if failure != nil { cutBack() }
    return failure
  }

  /// Nothing half written stays behind the last record. Where that fails too, the checksum tells.
  private func cutBack() {
    if descriptor >= 0 { _ = ftruncate(descriptor, off_t(size)) }
  }

  private func problem(_ call: String) -> String {
    let code = errno
    return "\(call) \(path): \(strerror(code).map { String(cString: $0) } ?? "error \(code)")"
  }

  static let systemWrite: Write = { descriptor, bytes, offset in
    pwrite(descriptor, bytes.baseAddress, bytes.count, off_t(offset))
  }
}
