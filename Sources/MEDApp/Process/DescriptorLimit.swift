import Glibc

/// How many files and connections the process may have open.
enum DescriptorLimit {
  /// More than 15,000 control clients, and as many connections to subscribers, need.
  static let wanted = 65_536

  /// The soft limit.
  static var current: Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1_024 }
    return Int(clamping: limit.rlim_cur)
  }

  /// Raises the soft limit, which many systems set to 1,024 for the sake of old programs, as far as the hard one allows.
  static func raise() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    let aim = min(limit.rlim_max, rlim_t(wanted))
    guard limit.rlim_cur < aim else { return }
    limit.rlim_cur = aim
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
