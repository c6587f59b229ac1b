import CEpoll
import Glibc

/// Where in the program an error was made: the calls that led there, innermost first, at most ``depth``.
///
/// Addresses alone are taken, by the C library, which costs some microseconds. (Swift's `Backtrace` reads the process's
/// list of mapped files while other threads change it, and has been seen to crash.)
struct StackTrace: Sendable, CustomStringConvertible {
  static let depth = 16
  /// This initializer.
  private static let own = 1

  private let frames: [UInt]

  @inline(never)
  init() {
    var addresses = [UnsafeMutableRawPointer?](repeating: nil, count: Self.depth + Self.own)
    let count = Int(backtrace(&addresses, Int32(addresses.count)))
    frames = addresses.prefix(max(0, count)).dropFirst(Self.own).map { UInt(bitPattern: $0) }
  }

  /// `medispatcher+0x1a2b < medispatcher+0x3c4d < …`: program or library, and where in it. For
  /// `addr2line -Cfe medispatcher 0x1a2b`, or `llvm-symbolizer`.
  var description: String {
    guard !frames.isEmpty else { return "unknown" }
    let addresses = frames.map { UnsafeMutableRawPointer(bitPattern: $0) }
    guard let texts = backtrace_symbols(addresses, Int32(addresses.count)) else { return "unknown" }
    defer { free(texts) }
    let places = (0..<addresses.count).map { index in texts[index].map { Self.place(String(cString: $0)) } ?? "?" }
    return places.joined(separator: " < ")
  }

  /// `/usr/bin/program(name+0x1a2b) [0x7f…]` → `program+0x1a2b`, or `name+0x1a2b` where there is a name.
  private static func place(_ text: String) -> String {
    guard let open = text.lastIndex(of: "("), let close = text[open...].firstIndex(of: ")") else { return text }
    let inside = text[text.index(after: open)..<close]
    guard inside.hasPrefix("+") else { return String(inside) }
    let path = text[..<open]
    return (path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? String(path)) + inside
  }
}
