import Glibc

/// A file that one living process can hold: its process id is in it, a lock on it says that the process lives.
///
/// The lock dies with the process, so a file that was left behind by a crash is taken over.
final class PidFile: Sendable {
  private let path: String
  private let descriptor: Int32

  /// Takes the file, or creates it.
  /// - Throws: if a living process holds it, or it can't be written.
  init(_ path: String) throws(SystemError) {
    while true {
      let descriptor = try openFile(path, O_RDWR | O_CREAT)
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        let number = errno
        let holder = (try? readAll(descriptor, named: path, atMost: 64)) ?? []
        close(descriptor)
        guard number == EWOULDBLOCK else { throw SystemError("can't lock \(path)", number) }
        let pid = String(decoding: holder, as: UTF8.self).prefix { $0.isNumber }
        throw SystemError(message: "\(path) is held by a running process\(pid.isEmpty ? "" : " (pid \(pid))")")
      }
      // The holder may have removed the file between our opening and our locking it: then the lock is on nothing.
      var ours = stat()
      var there = stat()
      guard fstat(descriptor, &ours) == 0, stat(path, &there) == 0, ours.st_ino == there.st_ino else {
        close(descriptor)
        continue
      }
      do throws(SystemError) {
        try Self.write(to: descriptor)
      } catch {
        close(descriptor)
        throw SystemError(message: "\(path): \(error)")
      }
      self.path = path
      self.descriptor = descriptor
      return
    }
  }

  /// Removes the file and lets others take it.
  func release() {
    unlink(path)
    close(descriptor)
  }

  /// One write of a few bytes under the lock: readers see the old id or the new one.
  private static func write(to descriptor: Int32) throws(SystemError) {
    let text = Array("\(getpid())\n".utf8)
    guard pwrite(descriptor, text, text.count, 0) == text.count, ftruncate(descriptor, text.count) == 0 else {
      throw SystemError("can't write")
    }
  }
}
