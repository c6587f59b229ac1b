import Glibc

/// A file that one living process can hold: its process id is in it, a lock on it says that the process lives.
///
/// The lock dies with the process, so a file that was left behind by a crash is taken over. A file that holds anything
/// else than a process id is somebody else's and left alone, and a symbolic link isn't followed: this may run as root.
final class PidFile: Sendable {
  private let path: String
  private let descriptor: Int32

  /// Takes the file, or creates it.
  /// - Parameter purpose: the key that says so, for errors.
  /// - Throws: if a living process holds it, or it can't be written.
  init(_ path: String, for purpose: String) throws(SystemError) {
    do throws(SystemError) {
      self.path = path
      descriptor = try Self.take(path)
    } catch {
      throw SystemError(message: "\(purpose): \(error)")
    }
  }

  private static func take(_ path: String) throws(SystemError) -> Int32 {
    while true {
      let descriptor = try openFile(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
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
        try check(descriptor)
        try write(to: descriptor)
      } catch {
        close(descriptor)
        throw SystemError(message: "\(path): \(error)")
      }
      return descriptor
    }
  }

  /// Removes the file and lets others take it. Where it can't be removed, because the directory belongs to another user
  /// than this process is by now, it is emptied.
  func release() {
    if unlink(path) != 0 { ftruncate(descriptor, 0) }
    close(descriptor)
  }

  private static func check(_ descriptor: Int32) throws(SystemError) {
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw SystemError(message: "not a regular file")
    }
    let text = try readAll(descriptor, named: "it", atMost: 64)
    let isOurs = text.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "\n") }
    guard isOurs else { throw SystemError(message: "holds something else than a process id") }
  }

  /// One write of a few bytes under the lock: readers see the old id or the new one.
  private static func write(to descriptor: Int32) throws(SystemError) {
    let text = Array("\(getpid())\n".utf8)
    guard pwrite(descriptor, text, text.count, 0) == text.count, ftruncate(descriptor, text.count) == 0 else {
      throw SystemError("can't write")
    }
  }
}
