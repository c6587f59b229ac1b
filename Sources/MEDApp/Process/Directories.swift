import Glibc

/// The directories that a dispatcher needs.
enum Directories {
  /// Makes the directory and those above it that are missing, and looks whether files can be made in it.
  static func prepare(_ path: String, for purpose: String) throws(SystemError) {
    var partial = ""
    for part in path.split(separator: "/") {
      partial += "/" + part
      // Those above must let DAEMON_USER through.
      if mkdir(partial, partial == path ? 0o750 : 0o755) == 0 || errno == EEXIST { continue }
      let number = errno
      var information = stat()
      if stat(partial, &information) == 0 { continue }
      throw SystemError("\(purpose): can't make the directory \(partial)", number)
    }
    var information = stat()
    guard stat(path, &information) == 0 else { throw SystemError("\(purpose): \(path)") }
    guard information.st_mode & S_IFMT == S_IFDIR else {
      throw SystemError(message: "\(purpose): \(path) is not a directory")
    }
    guard access(path, R_OK | W_OK | X_OK) == 0 else { throw SystemError("\(purpose): can't write in \(path)") }
  }
}
