import Glibc

/// A system call of the loop failed.
public struct LoopError: Error, CustomStringConvertible {
  /// The name of the system call.
  public let call: String
  /// Its errno.
  public let code: Int32

  /// The call and the system's words for its errno.
  public var description: String { "\(call): \(String(cString: strerror(code)))" }
}
