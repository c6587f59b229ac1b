import Foundation

/// How much longer tests wait than they say.
public enum Patience {
  /// Code under a sanitizer takes five to ten times as long, and a waiting test costs nothing when it succeeds.
  public static let factor = ProcessInfo.processInfo.environment["SANITIZED"] == nil ? 1 : 6
}
