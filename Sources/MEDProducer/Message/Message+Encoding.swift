import MEDCore

/// The message on the wire: a msgpack map.
extension Message {
  /// The bytes that are put into the main queue.
  /// - Throws: `.invalidMessage` for what a dispatcher couldn't use: a topic that gives no name of a tube, a body that isn't
  ///   JSON or msgpack or can't be told as JSON (NaN, extension types, nested deeper than 127), a time that is no number.
  public func encoded() throws(ProducerError) -> [UInt8] {
    guard TubeName(topic) != nil else {
      throw ProducerError(
        .invalidMessage,
        "the topic \"\(topic.prefix(300))\" is no name of a tube: 1 ... \(TubeName.maximumLength) letters, digits and "
          + "-+/;.$_(), not beginning with -")
    }
    guard time.isFinite else { throw ProducerError(.invalidMessage, "the time \(time) is no moment") }
    let body = try encodedBody()
    let texts = [("Sender", sender), ("Context", context), ("Owl_context", owlContext)].filter { !$0.1.isEmpty }
    var writer = MessagePackWriter(capacity: 100 + topic.utf8.count + body.count)
    writer.map(UInt32(5 + texts.count))
    writer.string("MsgKey")
    writer.string(topic)
    for (key, text) in texts {
      writer.string(key)
      writer.string(text)
    }
    writer.string("Time")
    writer.double(time)
    writer.string("Priority")
    writer.integer(UInt64(priority))
    writer.string("Delay")
    writer.integer(UInt64(delay))
    writer.string("Body")
    writer.raw(body)
    try check(writer.bytes)
    return writer.bytes
  }

  private func encodedBody() throws(ProducerError) -> [UInt8] {
    switch body {
    case .value(let value): return try Self.messagePack(fromJSON: value.bytes)
    case .json(let text): return try Self.messagePack(fromJSON: text)
    case .messagePack(let bytes): return bytes
    }
  }

  private static func messagePack(fromJSON text: [UInt8]) throws(ProducerError) -> [UInt8] {
    do throws(JSONToMessagePack.Failure) {
      return try JSONToMessagePack.convert(text)
    } catch {
      throw ProducerError(.invalidMessage, "the body is \(error)", cause: error)
    }
  }

  /// Reads it as a dispatcher will. JSON needs no second look at its values.
  private func check(_ bytes: [UInt8]) throws(ProducerError) {
    do throws(MessageError) {
      let envelope = try Envelope(bytes)
      if case .messagePack = body { _ = try PushBody.json(envelope) }
    } catch {
      throw ProducerError(.invalidMessage, "\(error)", cause: error)
    }
  }

  /// An entry of a recover list: the message's bytes as a msgpack string.
  static func listEntry(of message: [UInt8]) -> [UInt8] {
    var writer = MessagePackWriter(capacity: message.count + 5)
    writer.string(bytes: message)
    return writer.bytes
  }
}
