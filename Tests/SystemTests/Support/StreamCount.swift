import MEDTestSupport

/// Counts how often a text went by in a stream that comes in pieces. One connection's stream, or texts that come whole.
final class StreamCount: Sendable {
  private struct State {
    var tail: [UInt8] = []
    var count = 0
  }

  private let pattern: [UInt8]
  private let state = Locked(State())

  init(_ text: String) { pattern = Array(text.utf8) }

  var count: Int { state.withLock { $0.count } }

  /// Adds what is in `piece`.
  /// - Returns: the count, and where in the piece the occurrence with the number `wanted` begins if it begins there.
  @discardableResult
  func add(_ piece: [UInt8], wanted: Int = .max) -> (count: Int, start: Int?) {
    state.withLock { state in
      let known = state.tail.count
      let seen = state.tail + piece
      var start: Int?
      var rest = seen[...]
      while let found = rest.firstRange(of: pattern) {
        state.count += 1
        if state.count == wanted { start = max(0, found.lowerBound - known) }
        rest = seen[found.upperBound...]
      }
      state.tail = Array(rest.suffix(pattern.count - 1))
      return (state.count, start)
    }
  }
}

extension [UInt8] {
  /// The job ids of the `delete` commands in a piece.
  var deletedJobs: [Int] {
    String(decoding: self, as: UTF8.self).split(separator: "\r\n").compactMap { line in
      line.hasPrefix("delete ") ? Int(line.dropFirst(7)) : nil
    }
  }

  func contains(_ text: String) -> Bool { firstRange(of: Array(text.utf8)) != nil }
}
