import Glibc

/// Changing to another user for good (DAEMON_USER).
enum Privileges {
  /// Hands `owned` over to `user` and becomes that user, with that user's groups and no others. Nothing happens if this is
  /// that user already, or if the name is empty.
  /// - Throws: if there is no such user, or this process may not change to it.
  static func drop(to user: String, owned: [OwnedDirectory]) throws(SystemError) {
    guard !user.isEmpty else { return }
    let shown = escapeControlCharacters(user[...])
    var record = passwd()
    var result: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 16384)
    let code = getpwnam_r(user, &record, &buffer, buffer.count, &result)
    guard code == 0, result != nil else { throw SystemError(message: "DAEMON_USER: there is no user \"\(shown)\"") }
    guard record.pw_uid != geteuid() else { return }
    guard geteuid() == 0 else {
      throw SystemError(message: "DAEMON_USER: only root can become \"\(shown)\"; start as root or as that user")
    }
    for directory in owned { try directory.give(to: record.pw_uid, record.pw_gid, named: shown) }
    guard initgroups(user, record.pw_gid) == 0, setgid(record.pw_gid) == 0, setuid(record.pw_uid) == 0 else {
      throw SystemError("DAEMON_USER: can't become \"\(shown)\"")
    }
    guard record.pw_uid == 0 || setuid(0) != 0 else {
      throw SystemError(message: "DAEMON_USER: the system lets \"\(shown)\" become root again")
    }
    for directory in owned { try directory.check(named: shown) }
  }
}

/// A directory that must belong to DAEMON_USER, and the files of ours that may be there from an earlier run as root.
struct OwnedDirectory: Sendable {
  let path: String
  /// The key that names it.
  let purpose: String
  let isOurs: @Sendable (String) -> Bool

  static func all(_ settings: Settings) -> [OwnedDirectory] {
    var directories = [
      OwnedDirectory(path: settings.dataDirectory, purpose: "DATA_DIR") { name in
        ["medispatcher.", "subscription", "default_alarm"].contains { name.hasPrefix($0) }
      },
      OwnedDirectory(path: settings.dropLogDirectory, purpose: "DropMessageLogDir") {
        $0.hasPrefix("subscription_") && $0.hasSuffix(".data")
      },
    ]
    // The DATA log is there also when the rest goes to standard output.
    directories.append(
      OwnedDirectory(path: settings.logDirectory, purpose: "LOG_DIR") { name in
        name.hasSuffix(".log") && ["info", "warn", "error", "debug", "data"].contains { name.hasPrefix($0 + ".") }
      })
    return directories
  }

  /// Too many others rely on them.
  private static let systemDirectories: Set<String> = [
    "/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/media", "/mnt", "/opt", "/proc", "/root", "/run", "/sbin",
    "/srv", "/sys", "/tmp", "/usr", "/usr/local", "/var", "/var/lib", "/var/log", "/var/run", "/var/spool", "/var/tmp",
  ]

  /// Makes the directory and those of our files in it that belong to root the user's. Others' files stay as they are.
  func give(to user: uid_t, _ group: gid_t, named name: String) throws(SystemError) {
    func failed() -> SystemError { SystemError("DAEMON_USER: can't give \(path) (\(purpose)) to \"\(name)\"") }
    let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else {
      if errno == ENOENT { return }
      throw failed()
    }
    defer { close(directory) }
    var status = stat()
    guard fstat(directory, &status) == 0 else { throw failed() }
    if status.st_uid != user {
      guard !Self.systemDirectories.contains(path) else {
        throw SystemError(
          message: "\(purpose): \(path) is the system's and can't be given to \"\(name)\"; name one below")
      }
      guard fchown(directory, user, group) == 0 else { throw failed() }
    }
    for name in try Self.names(in: path) where isOurs(name) {
      // A link, or a second name of a file elsewhere, would give away what isn't ours.
      let file = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
      guard file >= 0 else { continue }
      defer { close(file) }
      guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1, status.st_uid == 0
      else { continue }
      guard fchown(file, user, group) == 0 else { throw failed() }
    }
  }

  /// Whether this process, which is the user now, can use it.
  func check(named name: String) throws(SystemError) {
    guard access(path, R_OK | W_OK | X_OK) == 0 || errno == ENOENT else {
      throw SystemError("DAEMON_USER: \"\(name)\" can't write in \(path) (\(purpose))")
    }
  }

  private static func names(in path: String) throws(SystemError) -> [String] {
    guard let stream = opendir(path) else { throw SystemError("can't list \(path)") }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }
}
