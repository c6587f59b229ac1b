import FuzzSupport
import MEDCore

/// Any bytes as a subscriber's answer.
@main
enum FuzzJSONAnswer {
  static func main() {
    runFuzzer { data, size in
      FuzzJSONAnswer.check(input(data, size))
      return 0
    }
  }

  static func check(_ bytes: [UInt8]) {
    let verdict = judge(bytes)
    require(judge([0x20] + bytes + [0x0a]) == verdict, "space around an answer changes nothing")
    require(judge(bytes + [0x2c]) == .failed(.notJSON), "nothing may follow an answer")
    require(judge([0xef, 0xbb, 0xbf] + bytes) == .failed(.notJSON), "a byte order mark is not JSON")
    if verdict != .failed(.notJSON) {
      require(String(validating: bytes, as: UTF8.self) != nil, "JSON is UTF-8")
      require(judge(Array("[".utf8) + bytes + Array("]".utf8)) != .delivered, "an array acknowledges nothing")
    }
    if verdict == .delivered {
      require(judge(Array(bytes.dropLast())) != .delivered || bytes.last.map(isSpace) == true, "a part is no answer")
    }
    let wrapped = judge(Array("{\"status\":1,\"x\":".utf8) + bytes + Array("}".utf8))
    if wrapped == .delivered {
      let inArray = judge(Array("[".utf8) + bytes + Array("]".utf8))
      // Text can close the object it was put into and open another one; then it is no value by itself.
      require(
        verdict == .failed(.notJSON) || inArray == .failed(.notAnObject), "what nests in one container does in any")
    }
  }

  private static func isSpace(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0a, 0x0d].contains(byte) }

  private static func judge(_ bytes: [UInt8]) -> PushVerdict {
    PushVerdict(status: 200, body: bytes, truncated: false, mode: .status)
  }
}
