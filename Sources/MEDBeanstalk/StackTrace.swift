#if canImport(Runtime)
  import Runtime
#endif

/// Where in the program an error was made: the calls that led there, innermost first, at most ``depth``.
///
/// Taking one costs about 10 µs, for addresses alone; names are looked up only when it is shown, which reads the program's
/// symbols and may take long: not on a loop.
struct StackTrace: Sendable, CustomStringConvertible {
  static let depth = 16

  #if canImport(Runtime)
    private let backtrace: Backtrace?

    /// The program's parts don't move while it runs: they are found once.
    private static let images = ImageMap.capture()

    init() { backtrace = try? Backtrace.capture(limit: Self.depth, top: 0, images: Self.images) }

    /// `Connection.close(_:) < Link.connect() < …`; addresses where the program has no symbols.
    var description: String {
      guard let symbols = backtrace?.symbolicated() else { return "unknown" }
      let names = symbols.frames.map { frame in
        frame.symbol.map { "\($0.name)" } ?? "\(frame.captured)"
      }
      return names.filter { !$0.contains("StackTrace") }.joined(separator: " < ")
    }
  #else
    var description: String { "unknown" }
  #endif
}
