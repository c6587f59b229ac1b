import FuzzSupport
import MEDCore

/// Any bytes as a message: decode, splice, transcode.
@main
enum FuzzMsgpack {
  static func main() {
    runFuzzer { data, size in
      FuzzMsgpack.check(input(data, size))
      return 0
    }
  }

  static func check(_ bytes: [UInt8]) {
    _ = try? MessagePack.string(bytes)
    guard let envelope = try? Envelope(bytes) else { return }
    require(envelope.setting() == bytes, "nothing named, nothing changed")
    require(!envelope.topic.isEmpty, "a topic is never empty")
    require(envelope.time.isFinite, "a time is finite")
    splice(envelope)
    transcode(envelope)
  }

  private static func splice(_ envelope: Envelope) {
    let spliced = envelope.setting(originJobID: 70_000, retryTimes: 200, logID: 5)
    guard let after = try? Envelope(spliced) else { return require(false, "what was spliced decodes") }
    require(after.originJobID == 70_000 && after.retryTimes == 200 && after.logID == 5, "what was set is there")
    require(after.topic == envelope.topic && after.time == envelope.time, "topic and time survive")
    require(after.sender == envelope.sender, "the sender survives")
    require(after.delay == envelope.delay && after.priority == envelope.priority, "delay and priority survive")
    require(after.context == envelope.context && after.owlContext == envelope.owlContext, "the contexts survive")
    require(after.bytes[after.body] == envelope.bytes[envelope.body], "the body survives")
    let first = try? Envelope(envelope.setting(logID: 5))
    let second = first.flatMap { try? Envelope($0.setting(retryTimes: 200)) }
    // Where all three are appended their order differs, so only what they say is compared.
    require(second?.retryTimes == 200 && second?.logID == 5, "one after the other is as both at once")
    require(second?.originJobID == envelope.originJobID, "what was not named is as it was")
    require(after.setting(originJobID: 70_000, retryTimes: 200, logID: 5) == spliced, "setting again changes nothing")
  }

  private static func transcode(_ envelope: Envelope) {
    let jobID = envelope.pushJobID(subscription: 352)
    require(jobID.utf8.allSatisfy { "0123456789.-".utf8.contains($0) }, "a jobid is digits, points and dashes")
    let json = try? PushBody.json(envelope)
    let form = try? PushBody.form(jobID: jobID, retryTimes: 3, envelope: envelope)
    require((json == nil) == (form == nil), "form and JSON fail together")
    guard let json, let form else { return }
    // Inside an object whose status is 1 any JSON text leaves the verdict as it is. One level is added.
    let answer = Array("{\"status\":1,\"x\":".utf8) + json + Array("}".utf8)
    let verdict = PushVerdict(status: 200, body: answer, truncated: false, mode: .status)
    require(verdict == .delivered, "what was transcoded is JSON")
    let before = Array("jobid=\(jobID)&message=".utf8)
    let after = Array("&retry_times=3".utf8)
    require(form.starts(with: before) && form.suffix(after.count) == after[...], "the form has its three fields")
    let field = form[before.count..<form.count - after.count]
    require(decode(field) == json, "the receiver gets the JSON")
  }

  /// Undoes the form encoding.
  private static func decode(_ field: ArraySlice<UInt8>) -> [UInt8]? {
    var output: [UInt8] = []
    var rest = field[...]
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "+"): output.append(UInt8(ascii: " "))
      case UInt8(ascii: "%"):
        guard let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else { return nil }
        output.append(value)
        rest = rest.dropFirst(2)
      case UInt8(ascii: "&"), UInt8(ascii: "="), 0...0x20, 0x7f...: return nil
      default: output.append(byte)
      }
    }
    return output
  }
}
