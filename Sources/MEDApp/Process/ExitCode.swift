/// How the programs end (SPEC §16; sysexits.h).
public enum ExitStatus: Int32, Sendable {
  case success = 0
  case failure = 1
  /// Wrong arguments (EX_USAGE).
  case usage = 64
  /// A config file that can't be used (EX_CONFIG).
  case configuration = 78
  /// Ended by INT or TERM before all was done (128 + SIGINT, as shells tell it).
  case interrupted = 130
}
