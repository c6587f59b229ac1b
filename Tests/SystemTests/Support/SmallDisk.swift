import Foundation
import Glibc
import MEDTestSupport

/// A file system of its own that can be filled to the last byte; unmounted with the last reference.
final class SmallDisk {
  let path: String
  private var filler: String { path + "/filler" }

  init(_ path: String, kilobytes: Int) async throws {
    self.path = path
    let mounted = try await ServerProcess.run("mount", ["-t", "tmpfs", "-o", "size=\(kilobytes)k", "med", path])
    guard mounted.status == .code(0) else { throw StillThere(description: mounted.errors) }
  }

  deinit { umount2(path, Int32(MNT_DETACH)) }

  func fill() throws {
    let file = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    defer { close(file) }
    let bytes = [UInt8](repeating: 0, count: 4096)
    while write(file, bytes, bytes.count) > 0 {}
    guard errno == ENOSPC else { throw StillThere(description: "the disk isn't full: errno \(errno)") }
  }

  func empty() throws { try FileManager.default.removeItem(atPath: filler) }
}
