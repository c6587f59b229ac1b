import Glibc

/// Changing to another user for good (DAEMON_USER).
enum Privileges {
  /// Hands `owned` over to `user` and becomes that user. Nothing happens if this is that user already, or if the name is
  /// empty.
  /// - Throws: if there is no such user, or this process may not change to it.
  static func drop(to user: String, owned: [String]) throws(SystemError) {
    guard !user.isEmpty else { return }
    var record = passwd()
    var result: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 16384)
    let code = getpwnam_r(user, &record, &buffer, buffer.count, &result)
    guard code == 0, result != nil else {
      throw SystemError(message: "DAEMON_USER: there is no user \"\(escapeControlCharacters(user[...]))\"")
    }
    guard record.pw_uid != geteuid() else { return }
    guard geteuid() == 0 else {
      throw SystemError(message: "DAEMON_USER: only root can become \"\(escapeControlCharacters(user[...]))\"")
    }
    for path in owned where chown(path, record.pw_uid, record.pw_gid) != 0 {
      throw SystemError("DAEMON_USER: can't give \(path) to \(user)")
    }
    guard initgroups(user, record.pw_gid) == 0, setgid(record.pw_gid) == 0, setuid(record.pw_uid) == 0 else {
      throw SystemError("DAEMON_USER: can't become \(user)")
    }
  }
}
