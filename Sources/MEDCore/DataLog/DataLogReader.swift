import Glibc

/// Reads a DATA log line by line, from any line's beginning on, in bounded memory.
///
/// ```swift
/// let reader = try DataLogReader(path: "data.2026-11-23.log", offset: position)
/// while let entry = try reader.next() {
///   if case .record(let line) = entry.content { … }
///   position = entry.end          // to resume behind this line
/// }
/// ```
/// At the end `next()` gives nil; it may be called again later and goes on with what was appended meanwhile.
public final class DataLogReader {
  /// What a line turned out to be.
  public enum Content: Sendable, Equatable {
    /// A record.
    case record(DataLogLine)
    /// No line of a DATA log: damaged, or from somebody else.
    case malformed(DataLineFault, line: [UInt8])
    /// Longer than the reader's bound; passed over.
    case tooLong
    /// The file ends without a newline: a write that a crash cut short, or one that goes on just now. It isn't passed
    /// over: told once for each length of the file, and read as a whole when the rest has come.
    case torn
  }

  /// A line and where it lies.
  public struct Entry: Sendable, Equatable {
    /// Offset of the line's first byte in the file.
    public var start: UInt64
    /// Offset behind its newline, where the next line begins; of a torn line, where the file ends.
    public var end: UInt64
    /// What the line says.
    public var content: Content
  }

  private let path: String
  private let maximumLineBytes: Int
  /// Reads into memory from an offset: count, 0 at the end, -errno.
  private let source: (UnsafeMutableRawBufferPointer, Int64) -> Int
  private let close: () -> Void

  private var buffer: [UInt8] = []
  /// Offset of `buffer`'s first byte.
  private var base: UInt64
  /// Where the line begins, and how far a newline was looked for, in `buffer`.
  private var head = 0
  private var scanned = 0
  /// Where a line begins that is too long to be kept.
  private var tooLongStart: UInt64?
  private var tornEnd: UInt64?

  private var chunk = [UInt8](repeating: 0, count: 64 << 10)

  /// Opens a file.
  /// - Parameters:
  ///   - path: of the file.
  ///   - offset: bytes from the file's beginning, where a line begins: an ``Entry/end``.
  ///   - maximumLineBytes: longer lines are reported and passed over. The default holds a payload of 12 MiB.
  /// - Throws: `.open`.
  public convenience init(
    path: String, offset: UInt64 = 0, maximumLineBytes: Int = 16 << 20
  ) throws(DataLogError) {
    let operations = FileOperations.system
    let descriptor = operations.open(path, O_RDONLY)
    guard descriptor >= 0 else { throw DataLogError(.open, errno: -descriptor, path: path) }
    self.init(
      path: path, offset: offset, maximumLineBytes: maximumLineBytes,
      source: { operations.read(descriptor, $0, $1) }, close: { operations.close(descriptor) })
  }

  /// Reads from what the caller has open.
  package init(
    path: String, offset: UInt64, maximumLineBytes: Int = 16 << 20,
    source: @escaping (UnsafeMutableRawBufferPointer, Int64) -> Int, close: @escaping () -> Void = {}
  ) {
    self.path = path
    self.maximumLineBytes = max(maximumLineBytes, 1)
    self.source = source
    self.close = close
    base = offset
  }

  deinit { close() }

  /// The next line that isn't empty; nil at the end of the file.
  /// - Throws: `.read`; may be called again.
  public func next() throws(DataLogError) -> Entry? {
    while true {
      if let entry = takeLine() { return entry }
      dropWhatIsDone()
      if try !readChunk() { return takeTorn() }
    }
  }

  private func takeLine() -> Entry? {
    while let newline = buffer[scanned...].firstIndex(of: 0x0A) {
      let line = buffer[head..<newline]
      let start = tooLongStart ?? base + UInt64(head)
      head = newline + 1
      scanned = head
      let end = base + UInt64(head)
      if tooLongStart != nil || line.count > maximumLineBytes {
        tooLongStart = nil
        return Entry(start: start, end: end, content: .tooLong)
      }
      if !line.isEmpty { return Entry(start: start, end: end, content: Self.content(of: line)) }
    }
    scanned = buffer.count
    return nil
  }

  private static func content(of line: ArraySlice<UInt8>) -> Content {
    do {
      return .record(try DataLogLine(line))
    } catch {
      return .malformed(error, line: Array(line))
    }
  }

  private func dropWhatIsDone() {
    if tooLongStart == nil && buffer.count - head > maximumLineBytes { tooLongStart = base + UInt64(head) }
    let done = tooLongStart == nil ? head : buffer.count
    buffer.removeFirst(done)
    base += UInt64(done)
    head = 0
    scanned = buffer.count
  }

  /// - Returns: false at the end of the file.
  private func readChunk() throws(DataLogError) -> Bool {
    guard let offset = Int64(exactly: base + UInt64(buffer.count)) else { return false }
    let count = chunk.withUnsafeMutableBytes { source($0, offset) }
    if count < 0 { throw DataLogError(.read, errno: Int32(clamping: -count), path: path) }
    buffer += chunk.prefix(count)
    return count > 0
  }

  private func takeTorn() -> Entry? {
    let end = base + UInt64(buffer.count)
    guard tooLongStart != nil || !buffer.isEmpty, tornEnd != end else { return nil }
    tornEnd = end
    return Entry(start: tooLongStart ?? base, end: end, content: .torn)
  }
}
