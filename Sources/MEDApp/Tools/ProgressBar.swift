import Glibc
import MEDLoop

/// A line on standard error that shows how far long work is; nothing if that isn't a terminal.
public final class ProgressBar: Sendable {
  private let title: String
  private let isShown: Bool
  /// In percent; nil: nothing stands on the line.
  private let drawn = Locked<Int?>(nil)
  private static let width = 30

  public init(_ title: String, isShown: Bool = isatty(STDERR_FILENO) == 1) {
    self.title = title
    self.isShown = isShown
  }

  /// - Parameter note: stands in the place of the two numbers.
  public func show(_ done: Int, of total: Int, saying note: @autoclosure () -> String? = nil) {
    let percent = total > 0 ? min(100, done * 100 / total) : 100
    guard isShown else { return }
    let isNews = drawn.withLock { drawn in
      defer { drawn = done >= total ? nil : percent }
      return percent != drawn || done >= total
    }
    guard isNews else { return }
    let filled = percent * Self.width / 100
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: Self.width - filled)
    let end = done >= total ? "\n" : ""
    try? writeAll(
      "\r\u{1b}[K\(title) \(bar) \(percent) % (\(note() ?? "\(done)/\(total)"))\(end)".utf8, to: STDERR_FILENO)
  }
}

extension ProgressBar {
  /// Leaves a bar that wasn't filled as it is.
  public func end() {
    let wasOpen = drawn.withLock { drawn in
      defer { drawn = nil }
      return drawn != nil
    }
    if wasOpen { try? writeAll("\n".utf8, to: STDERR_FILENO) }
  }
}

/// Columns of text: numbers flush right, the named columns and the first one flush left.
public struct TextTable {
  private var rows: [[String]]
  private let flushLeft: Set<Int>

  public init(_ header: [String], flushLeft: Set<Int> = [0]) {
    rows = [header]
    self.flushLeft = flushLeft.union([0])
  }

  public mutating func add(_ row: [String]) { rows.append(row) }

  public var lines: [String] {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0 }
    return rows.map { row in
      let cells = zip(row, widths).enumerated().map { index, cell in
        let space = String(repeating: " ", count: cell.1 - cell.0.count)
        return flushLeft.contains(index) ? cell.0 + space : space + cell.0
      }
      return String(cells.joined(separator: "  ")[...].trimmingTrailingSpace)
    }
  }
}

extension Substring {
  fileprivate var trimmingTrailingSpace: Substring {
    var result = self
    while result.last == " " { result.removeLast() }
    return result
  }
}
