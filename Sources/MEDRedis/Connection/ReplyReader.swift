import CHiredis

/// Cuts received bytes into replies; hiredis' parser with bounds. Whatever comes in, nothing traps and no length that is
/// only announced allocates.
final class ReplyReader {
  /// Deeper than the parser's own limit in any of its versions.
  private static let maximumDepth = 16

  private let reader: UnsafeMutablePointer<redisReader>
  private let limit: UnsafeMutablePointer<med_reply_limit>
  private let maximumBytes: Int
  private let maximumElements: Int
  /// Fed since ``begin()``.
  private var bytes = 0

  /// - Throws: if there is no memory.
  init(maximumBytes: Int, maximumElements: Int) throws(RedisError) {
    guard let reader = redisReaderCreate() else { throw RedisError(.unavailable, "no memory for a connection") }
    self.reader = reader
    self.maximumBytes = max(maximumBytes, 0)
    self.maximumElements = max(maximumElements, 0)
    limit = .allocate(capacity: 1)
    limit.initialize(to: med_reply_limit())
    med_limit_replies(reader, limit)
    limit.pointee.elements = self.maximumElements
  }

  deinit {
    redisReaderFree(reader)
    limit.deallocate()
  }

  /// Whether bytes are there that make no reply, or more of them.
  var hasLeftovers: Bool { reader.pointee.pos < reader.pointee.len || reader.pointee.ridx >= 0 }

  /// The replies to a pipeline come now: the bound on bytes is for all of them.
  func begin() { bytes = 0 }

  func feed(_ piece: UnsafeRawBufferPointer) throws(RedisError) {
    guard let start = piece.baseAddress else { return }
    bytes += piece.count
    guard bytes <= maximumBytes else { throw RedisError(.tooLarge, "more than \(maximumBytes) bytes of replies") }
    guard redisReaderFeed(reader, start.assumingMemoryBound(to: CChar.self), piece.count) == REDIS_OK else {
      throw failure()
    }
  }

  /// The next reply that is complete; nil if none is.
  func next() throws(RedisError) -> RedisValue? {
    var reply: UnsafeMutableRawPointer?
    guard redisReaderGetReply(reader, &reply) == REDIS_OK else { throw failure() }
    guard let reply else { return nil }
    defer { freeReplyObject(reply) }
    limit.pointee.elements = maximumElements
    return try Self.value(reply.assumingMemoryBound(to: redisReply.self).pointee, depth: 0)
  }

  private func failure() -> RedisError {
    RedisError(.malformed, "not a reply: \(med_reader_error(reader).map { String(cString: $0) } ?? "")")
  }

  private static func value(_ reply: redisReply, depth: Int) throws(RedisError) -> RedisValue {
    switch reply.type {
    case REDIS_REPLY_STRING: return .bytes(Array(text(reply)))
    case REDIS_REPLY_STATUS: return .status(String(decoding: text(reply), as: UTF8.self))
    case REDIS_REPLY_ERROR: return .error(RedisServerError(text(reply)))
    case REDIS_REPLY_INTEGER: return .integer(reply.integer)
    case REDIS_REPLY_NIL: return .null
    case REDIS_REPLY_ARRAY:
      guard depth < maximumDepth else { throw RedisError(.malformed, "a reply is nested too deep") }
      var elements: [RedisValue] = []
      guard reply.elements > 0, let first = reply.element else { return .array([]) }
      elements.reserveCapacity(reply.elements)
      for index in 0..<reply.elements {
        guard let element = first[index] else { throw RedisError(.malformed, "a reply has a hole") }
        elements.append(try value(element.pointee, depth: depth + 1))
      }
      return .array(elements)
    default: throw RedisError(.malformed, "a reply of type \(reply.type)")
    }
  }

  private static func text(_ reply: redisReply) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: reply.str, count: reply.str == nil ? 0 : reply.len)
  }
}
