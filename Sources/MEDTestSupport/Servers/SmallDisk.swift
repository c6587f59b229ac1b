import Foundation
import Glibc

/// A file system of its own that can be filled to the last byte; unmounted with the last reference. Needs root.
public final class SmallDisk {
  public let path: String
  private var filler: String { path + "/filler" }

  /// - Parameter path: a directory that exists.
  public init(_ path: String, kilobytes: Int) throws {
    self.path = path
    guard mount("med", path, "tmpfs", 0, "size=\(kilobytes)k") == 0 else { throw SystemError("mount \(path)") }
  }

  deinit { umount2(path, Int32(MNT_DETACH)) }

  public func fill() throws {
    let file = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    defer { close(file) }
    let bytes = [UInt8](repeating: 0, count: 4096)
    while write(file, bytes, bytes.count) > 0 {}
    guard errno == ENOSPC else { throw SystemError("fill \(path)") }
  }

  public func empty() throws { try FileManager.default.removeItem(atPath: filler) }
}
