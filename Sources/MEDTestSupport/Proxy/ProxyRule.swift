/// Which way bytes go through a ``FaultProxy``.
public enum Direction: Sendable {
  case toServer
  case toClient
}

/// What becomes of a piece of the stream.
public enum ProxyAction: Sendable {
  case forward
  case drop
  case replace([UInt8])
  /// Forwards the first `count` bytes, then cuts the connection.
  case cut(after: Int)
}

/// One fault of a ``FaultProxy``, applied to every connection that it carries while the rule stands.
public struct ProxyRule: Sendable {
  let direction: Direction
  let makeFilter: @Sendable () -> @Sendable (inout Piece) -> Void
  /// How many cuts are left before the rule is withdrawn.
  var cutsLeft: Int

  /// Cuts a connection once exactly `bytes` have passed since the rule came to apply to it.
  /// - Parameter times: connections that it cuts before it is withdrawn.
  public static func cut(after bytes: Int, _ direction: Direction, times: Int = 1) -> ProxyRule {
    ProxyRule(direction: direction, times: times) {
      let left = Locked(bytes)
      return { piece in
        left.withLock { left in
          if piece.bytes.count >= left { piece.cut(after: left) }
          left -= piece.bytes.count
        }
      }
    }
  }

  /// Cuts a connection right after `text` has gone through it.
  public static func cut(afterSeeing text: String, _ direction: Direction, times: Int = 1) -> ProxyRule {
    ProxyRule(direction: direction, times: times) {
      let search = Search(text)
      return { piece in
        if let end = search.end(in: piece.bytes) { piece.cut(after: end) }
      }
    }
  }

  /// Cuts a connection before any of `text` has gone through it.
  ///
  /// A piece that may be the beginning of `text` is held until more comes: begin it with what no other answer ends with.
  public static func cut(beforeForwarding text: String, _ direction: Direction, times: Int = 1) -> ProxyRule {
    ProxyRule(direction: direction, times: times) {
      let held = Locked<[UInt8]>([])
      let pattern = Array(text.utf8)
      return { piece in
        held.withLock { held in
          piece.bytes = held + piece.bytes
          held = []
          if let start = piece.bytes.firstRange(of: pattern)?.lowerBound {
            piece.cut(after: start)
          } else {
            let count = (1..<max(1, pattern.count)).last { piece.bytes.suffix($0) == pattern.prefix($0) } ?? 0
            held = Array(piece.bytes.suffix(count))
            piece.bytes.removeLast(count)
          }
        }
      }
    }
  }

  /// Swallows everything from now on; the connection stays open.
  public static func swallow(_ direction: Direction) -> ProxyRule { custom(direction) { _ in .drop } }

  /// Swallows everything after `text` has gone through.
  public static func swallow(afterSeeing text: String, _ direction: Direction) -> ProxyRule {
    ProxyRule(direction: direction, times: .max) {
      let seen = Locked(false)
      let search = Search(text)
      return { piece in
        if seen.withLock({ $0 }) {
          piece.bytes = []
        } else if let end = search.end(in: piece.bytes) {
          piece.bytes = Array(piece.bytes.prefix(end))
          seen.withLock { $0 = true }
        }
      }
    }
  }

  /// Holds every piece back for that long.
  public static func delay(_ duration: Duration, _ direction: Direction) -> ProxyRule {
    ProxyRule(direction: direction, times: .max) { { $0.delay += duration } }
  }

  /// Decides by a closure, which sees each piece as it was read and must not call the proxy.
  public static func custom(
    _ direction: Direction, times: Int = .max, _ decide: @escaping @Sendable ([UInt8]) -> ProxyAction
  ) -> ProxyRule {
    ProxyRule(direction: direction, times: times) {
      { piece in
        switch decide(piece.bytes) {
        case .forward: break
        case .drop: piece.bytes = []
        case .replace(let bytes): piece.bytes = bytes
        case .cut(let count): piece.cut(after: count)
        }
      }
    }
  }

  private init(
    direction: Direction, times: Int, makeFilter: @escaping @Sendable () -> @Sendable (inout Piece) -> Void
  ) {
    self.direction = direction
    self.makeFilter = makeFilter
    cutsLeft = times
  }
}

/// What was read at once, on its way through the rules.
struct Piece {
  var bytes: [UInt8]
  var delay: Duration = .zero
  var isCut = false

  mutating func cut(after count: Int) {
    bytes = Array(bytes.prefix(max(0, count)))
    isCut = true
  }
}

/// Looks for a text in a stream that comes in pieces.
private final class Search: Sendable {
  private let pattern: [UInt8]
  private let tail = Locked<[UInt8]>([])

  init(_ text: String) { pattern = Array(text.utf8) }

  /// How many bytes of this piece belong to what ends with the first whole pattern; nil if it isn't complete yet.
  func end(in piece: [UInt8]) -> Int? {
    tail.withLock { tail in
      let known = tail.count
      let seen = tail + piece
      tail = Array(seen.suffix(max(0, pattern.count - 1)))
      return seen.firstRange(of: pattern).map { $0.upperBound - known }
    }
  }
}
