import Glibc

/// Names of tubes as a shell matches names of files: `*`, `?`, `[a-z]`, `[!a-z]`; `*` goes over slashes too.
public struct TubePattern: Sendable, Hashable, CustomStringConvertible {
  public let description: String

  public init(_ text: String) { description = text }

  /// A name matches itself, whatever characters it has.
  public func matches(_ name: String) -> Bool {
    description == name || fnmatch(description, name, FNM_NOESCAPE) == 0
  }
}
