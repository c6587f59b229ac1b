import Foundation

/// An empty directory of its own, removed with all that is in it when the last reference goes.
public final class TemporaryDirectory: Sendable {
  /// Absolute, short enough that a Unix socket's path below it fits.
  public let path: String

  public init(_ purpose: String = "test") throws {
    let parent = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
    var template = Array("\(parent)/med-\(purpose)-XXXXXX".utf8CString)  // why: mkdtemp replaces the Xs
    guard mkdtemp(&template) != nil else { throw SystemError("mkdtemp in \(parent)") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The absolute path of `name` in this directory.
  public func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Makes the directory `name` in this one, parents included.
  @discardableResult
  public func directory(_ name: String) throws -> String {
    try FileManager.default.createDirectory(atPath: file(name), withIntermediateDirectories: true)
    return file(name)
  }

  /// Writes `text` to the file `name` and returns its absolute path.
  @discardableResult
  public func write(_ text: String, to name: String) throws -> String {
    try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)))
    return file(name)
  }

  /// The text of the file `name`; empty while there is none.
  public func read(_ name: String) -> String {
    // why: FileManager.contents leaks a page for each empty file, which the leak checker reports
    let fd = open(file(name), O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else { return "" }
    defer { close(fd) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while case let count = Glibc.read(fd, &chunk, chunk.count), count > 0 { bytes += chunk[..<count] }
    return String(decoding: bytes, as: UTF8.self)
  }
}
