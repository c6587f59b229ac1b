import Foundation
import Glibc
import MEDApp
import TestStage

/// Tells what happens, with the seconds since the start, above a progress bar.
final class EventLog {
  private let isQuiet: Bool
  private let start = ContinuousClock.now
  private let bar = ProgressBar("accounted for")
  private let hasBar = isatty(STDERR_FILENO) == 1

  /// - Parameter isQuiet: whether standard output is for the result alone.
  init(isQuiet: Bool) { self.isQuiet = isQuiet }

  var elapsed: Duration { .now - start }

  func tell(_ text: String) {
    if hasBar { FileHandle.standardError.write(Data("\r\u{1b}[K".utf8)) }
    let line = "\(seconds(elapsed)) s  \(text)"
    if isQuiet { printError(line) } else { say(line) }
  }

  func progress(_ done: Int, of total: Int) { bar.show(done, of: total) }
}

/// With one decimal, flush right.
func seconds(_ duration: Duration) -> String {
  String(format: "%7.1f", duration / .seconds(1))
}
