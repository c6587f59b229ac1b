import Foundation
import Testing

@testable import MEDCore

@Suite("§5 JSON answers")
struct JSONAnswerTests {
  private func answer(_ text: String) -> JSONAnswer { JSONAnswer(Array(text.utf8)) }

  @Test(arguments: [
    #"{"status":1}"#, #" { "status" : 1 } "#, "\r\n\t{\"status\":1}\n", #"{"status":1.0}"#, #"{"status":1e0}"#,
    #"{"status":10e-1}"#, #"{"status":0.1E+1}"#, #"{"status":0.010e2}"#, #"{"status":1.000000000000000000000}"#,
    #"{"status":"1"}"#, #"{"status":"\u0031"}"#, #"{"st\u0061tus":1}"#, #"{"\u0073tatus":"1","x":[]}"#,
    #"{"status":0,"status":1}"#, #"{"status":[1,{}],"status":1}"#, #"{"data":{"status":0},"status":1}"#,
    #"{"status":1,"data":{"status":0}}"#, #"{"a":[{"status":0},[],{}],"status":1,"b":null}"#,
    #"{"x":"\ud800","y":"é\n\"\\\/\b\f\r\t","status":1}"#,
  ])
  func `a status of 1 is seen, however it is written`(text: String) {
    #expect(answer(text) == .status(isOne: true))
  }

  @Test func `exponents and places of any length are weighed exactly`() {
    let zeros = String(repeating: "0", count: 30000)
    #expect(answer("{\"status\":1\(zeros)e-30000}") == .status(isOne: true))
    #expect(answer("{\"status\":0.\(zeros)1e30001}") == .status(isOne: true))
    #expect(answer("{\"status\":0.\(zeros)1e30000}") == .status(isOne: false))
    #expect(answer("{\"status\":1e\(String(repeating: "9", count: 5000))}") == .status(isOne: false))
    #expect(answer("{\"status\":1.\(zeros)1}") == .status(isOne: false))
  }

  @Test(arguments: [
    #"{"status":0}"#, #"{"status":-1}"#, #"{"status":2}"#, #"{"status":11}"#, #"{"status":10}"#, #"{"status":0.1}"#,
    #"{"status":1.1}"#, #"{"status":1e1}"#, #"{"status":"01"}"#, #"{"status":"1 "}"#, #"{"status":""}"#,
    #"{"status":"11"}"#, #"{"status":true}"#, #"{"status":null}"#, #"{"status":[1]}"#, #"{"status":{"status":1}}"#,
    #"{"status":1,"status":0}"#, #"{"status":1,"stat\u0075s":"x"}"#, #"{"status":"é"}"#, #"{"status":"\u0131"}"#,
    #"{"status":0e5}"#, #"{"status":{}}"#,
  ])
  func `any other status is none of 1`(text: String) {
    #expect(answer(text) == .status(isOne: false))
  }

  @Test(arguments: [
    "{}", #"{"Status":1}"#, #"{"statu":1}"#, #"{"statuss":1}"#, #"{"data":{"status":1}}"#, #"{"a":["status",1]}"#,
    #"{"status\u0000":1}"#, #"{"x":"status"}"#,
  ])
  func `an object without status is told from others`(text: String) {
    #expect(answer(text) == .noStatus)
  }

  @Test(arguments: ["1", "[]", "\"status\"", "null", "true", "false", "[{\"status\":1}]", " -0.5e-7 ", "[[],{}]"])
  func `other JSON is no object`(text: String) {
    #expect(answer(text) == .notAnObject)
  }

  @Test(arguments: [
    "", " ", "{", "}", "[", "]", #"{"status":1"#, #"{"status":1}}"#, #"{"status":1},"#, #"{"status":1} x"#,
    #"{"status":1,}"#, #"{,"status":1}"#, #"{"status"}"#, #"{"status":}"#, #"{"status" 1}"#, "{status:1}",
    "{'status':1}", #"{"status":01}"#, #"{"status":1.}"#, #"{"status":.1}"#, #"{"status":+1}"#, #"{"status":1e}"#,
    #"{"status":1e+}"#, #"{"status":-}"#, #"{"status":NaN}"#, #"{"status":Infinity}"#, #"{"status":0x1}"#,
    #"{"status":tru}"#, #"{"status":nul"#, #"{"status":True}"#, #"{"status":"1}"#, #"{"status":"\x31"}"#,
    #"{"status":"\u003"}"#, #"{"status":"\u003g"}"#, #"{"status":"\"#, "{\"status\":\"\t\"}", "{\"status\":\"\n\"}",
    "\u{feff}{\"status\":1}", #"{"status":1}{"status":1}"#, #"{"a":[1}"#, #"["a":1]"#, #"{"a":1]"#, "[1,]", "[,1]",
    "[1 2]", "\u{b}{}", "\u{a0}{}", "ok", "1 1", "// x\n{}", "{\"status\":1}\u{0}", "{1:1}",
  ])
  func `what is not JSON to its last byte is none`(text: String) {
    #expect(answer(text) == .notJSON)
  }

  @Test(
    arguments: [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0xb1], [0xf4, 0x90, 0x80, 0x80], [0x00]] as [[UInt8]])
  func `malformed UTF-8 is not JSON`(bytes: [UInt8]) {
    #expect(JSONAnswer(Array(#"{"status":1,"x":""#.utf8) + bytes + Array(#""}"#.utf8)) == .notJSON)
    #expect(JSONAnswer(Array(#"{"status":1,""#.utf8) + bytes + Array(#"":1}"#.utf8)) == .notJSON)
    #expect(JSONAnswer(Array(#"{"status":1}"#.utf8) + bytes) == .notJSON)
  }

  @Test func `128 levels are allowed and 129 are not`() {
    func arrays(_ depth: Int) -> String {
      "{\"status\":1,\"x\":" + String(repeating: "[", count: depth - 1) + String(repeating: "]", count: depth - 1) + "}"
    }
    func objects(_ depth: Int) -> String {
      "{\"status\":1,\"x\":" + String(repeating: "{\"x\":", count: depth - 2) + "{}"
        + String(repeating: "}", count: depth - 1)
    }
    for make in [arrays, objects] {
      #expect(answer(make(128)) == .status(isOne: true))
      #expect(answer(make(129)) == .notJSON)
      #expect(answer(make(30000)) == .notJSON)
    }
  }

  @Test func `an answer cut off anywhere is not JSON`() {
    let whole = Array(#"{"a":[1,{"b":"\u0031é"},true],"status":1.5e-3,"c":{},"d":null}"#.utf8)
    for length in 0..<whole.count { #expect(JSONAnswer(Array(whole[..<length])) == .notJSON) }
  }

  @Test func `Foundation agrees on what is JSON`() {
    let seeds = [
      #"{"a":[1,{"b":"\u0031é"},true],"status":1.5e-3,"c":{},"d":null}"#, #"{"status":"1","x":[[],[0]]}"#,
      #"[-0.5e+7,"\n"]"#,
    ]
    let telling = Array("{}[]\",:\\0129.-+eEu tnfab\n".utf8)
    var random = SplitMix(state: 31)
    for _ in 0..<10000 {
      var bytes = Array(seeds.randomElement(using: &random)!.utf8)
      for _ in 0...Int.random(in: 0...2, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = telling.randomElement(using: &random)!
      }
      let theirs = (try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)) != nil
      // They reject what the grammar allows in one case: numbers that no double holds.
      if theirs { #expect(JSONAnswer(bytes) != .notJSON, "\(String(decoding: bytes, as: UTF8.self))") }
    }
  }
}
