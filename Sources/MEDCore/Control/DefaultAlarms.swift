import Glibc
import Logging
import MEDLoop

/// The default alarm in force, kept in `DATA_DIR/default_alarm.json` over restarts. May be asked from anywhere.
///
/// What the file sets wins over the config file, as the latest word of an operator; remove it to have the config file's
/// word again. A file that can't be used is reported and counts as empty until the next change replaces it.
public final class DefaultAlarms: Sendable {
  /// In the data directory.
  public static let fileName = "default_alarm.json"
  /// Longer files aren't read.
  static let maximumBytes = 1 << 20

  private let path: String
  private let alarm: Locked<DefaultAlarm>

  /// Reads the file. Blocks for as long as the disk takes.
  /// - Parameters:
  ///   - directory: the data directory; it must be there when something is changed.
  ///   - logger: where a file that can't be used is told.
  public init(directory: String, logger: Logger) {
    path = directory + "/" + Self.fileName
    var alarm = DefaultAlarm()
    if let problem = Self.read(path, into: &alarm) {
      logger.warning(
        "the default alarm of an earlier run can't be used, the config file's counts",
        metadata: [LogKey.path: "\(path)", LogKey.error: "\(problem)"])
    }
    self.alarm = Locked(alarm)
  }

  /// What was set by commands, in this run or an earlier one.
  public var current: DefaultAlarm { alarm.withLock { $0 } }

  /// Keeps `changes` on disk, then puts them in force. One at a time: see ``Control``.
  /// - Throws: `.notStored`; then nothing has changed.
  func change(_ changes: DefaultAlarm) async throws(ControlError) {
    var next = current
    next.merge(changes)
    let bytes = next.json.bytes + [UInt8(ascii: "\n")]
    let path = path
    let problem =
      await DetachedThread.run { SnapshotFile.write(bytes, to: path) } ?? .some("no thread could be started")
    if let problem {
      throw ControlError(.notStored, "the default alarm can't be kept, nothing was changed: \(problem)")
    }
    let inForce = next
    alarm.withLock { $0 = inForce }
  }

  /// - Returns: what is wrong with the file; nil if it is usable, or not there.
  private static func read(_ path: String, into alarm: inout DefaultAlarm) -> String? {
    guard access(path, F_OK) == 0 else { return nil }
    let bytes: [UInt8]
    switch SnapshotFile.read(path, atMost: maximumBytes) {
    case .success(let read): bytes = read
    case .failure(let error): return error.message
    }
    let value: JSONValue
    do throws(JSONError) { value = try JSONValue(parsing: bytes) } catch { return error.description }
    do throws(ControlError) { alarm = try DefaultAlarm(file: value) } catch { return error.message }
    return nil
  }
}
