import Glibc

/// Standard output of a command line tool: a terminal, a file, or a pipe whose reader may go at any time.
public enum Terminal {
  /// Whoever reads our output has seen enough: there is nothing more to do, and nothing to complain about.
  public struct ReaderHasGone: Error {}

  /// From now on a reader that goes is noticed by the next write instead of ending the process.
  public static func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }

  /// - Throws: ``ReaderHasGone``, or what keeps the output from being written (a full disk).
  public static func show(_ text: String) throws {
    do {
      try writeAll(text.utf8, to: STDOUT_FILENO)
    } catch {
      if error.number == EPIPE { throw ReaderHasGone() }
      throw SystemError(message: "standard output: \(error)")
    }
  }

  public static var isShown: Bool { isatty(STDOUT_FILENO) == 1 }

  /// Of the terminal; nil if output goes elsewhere.
  static var size: (columns: Int, rows: Int)? {
    var size = winsize()
    guard isShown, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
      return nil
    }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// Draws `lines` over what was drawn before, cut to the screen.
  static func redraw(_ lines: [String], on size: (columns: Int, rows: Int)) throws {
    var text = "\u{1b}[H"
    for line in lines.prefix(size.rows - 1) { text += line.prefix(size.columns) + "\u{1b}[K\n" }
    try show(text + "\u{1b}[J")
  }
}
