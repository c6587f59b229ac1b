import FuzzSupport
import MEDCore
import MEDRPC

/// Any bytes as what a client of the control panel's protocol sends.
@main
enum FuzzRPCFrame {
  static func main() {
    runFuzzer { data, size in
      FuzzRPCFrame.check(input(data, size))
      return 0
    }
  }

  static func check(_ bytes: [UInt8]) {
    let whole = events([bytes])
    require(events(bytes.map { [$0] }) == whole, "how bytes are cut up changes nothing")
    let half = bytes.count / 2
    require(events([Array(bytes[..<half]), Array(bytes[half...])]) == whole, "how bytes are cut up changes nothing")
    for (index, event) in whole.enumerated() {
      switch event {
      case .request(let body): checkBody(body)
      case .close, .malformed: require(index == whole.count - 1, "nothing follows an end")
      }
    }
    checkBody(bytes)
  }

  private static func events(_ parts: [[UInt8]]) -> [RPCFrameParser.Event] {
    var parser = RPCFrameParser()
    var events: [RPCFrameParser.Event] = []
    var given = 0
    var taken = 0
    for part in parts {
      parser.append(part)
      given += part.count
      while let event = parser.next() {
        events.append(event)
        if case .request(let body) = event {
          require(!body.isEmpty && body.count <= RPCFrameParser.maximumBody, "a body has 1 byte to 1 MiB")
          taken += RPCFrameParser.headerLength + body.count
        }
      }
      require(parser.heldBytes <= given - taken, "nothing is held that wasn't given")
    }
    return events
  }

  /// A body, which needn't be JSON.
  private static func checkBody(_ body: [UInt8]) {
    if let value = try? JSONValue(parsing: body) {
      let written = value.bytes
      guard let again = try? JSONValue(parsing: written) else { return require(false, "what was written is read") }
      require(again.bytes == written, "what was read is written the same")
      let answer = RPCAnswer(value)
      require(answer.bytes.count == 16 + answer.body.count, "an answer is its head and its JSON")
    }
    guard let request = try? RPCRequest(parsing: body) else { return }
    if case .object = request.arguments {} else { require(false, "arguments are an object") }
    for name in ControlCommand.Name.allCases { _ = try? ControlCommand(name.rawValue, request.arguments) }
    _ = try? ControlCommand(request.command, request.arguments)
  }
}
