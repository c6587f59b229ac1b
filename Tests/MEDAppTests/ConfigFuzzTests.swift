import Foundation
import Testing

@testable import MEDApp

/// Numbers that look random and are the same each time.
private struct Dice: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

@Suite("§16 §17 Config files that are hostile")
struct ConfigFuzzTests {
  /// A file gives settings or errors, each with what a person needs; never a trap.
  private func judge(_ text: String) {
    do {
      let configuration = try Configuration.parse(text, path: "c", environment: ["A": "1"])
      #expect(configuration.diagnostics.allSatisfy { $0.severity != .error })
      // What was taken can be written and taken over.
      var copy = Settings()
      for option in ConfigOption.all {
        _ = option.write(configuration.settings)
        option.copy(configuration.settings, &copy)
      }
      #expect(copy.differences(from: configuration.settings).isEmpty)
    } catch {
      #expect(error.diagnostics.contains { $0.severity == .error })
      #expect(error.diagnostics.allSatisfy { !$0.message.isEmpty && !$0.description.contains("\n") })
    }
  }

  private static let pieces = [
    "[", "]", "[[", "]]", "{", "}", "=", ".", ",", "\"", "'", "\"\"\"", "'''", "#", "\n", "\r\n", "\r", "\\", "\\u0000",
    "\\uD800", "\\UFFFFFFFF", "\0", "\u{7f}", "\u{feff}", "\u{202e}", "é", "${", "${A}", "$${", "${A", "-", "+", "_",
    "0x", "0b2",
    "1e999", "-1e999", "nan", "inf", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "1_0", "00",
    "1979-05-27T07:32:00Z", "0000-00-00", "99:99:99", "true", "[Push]", "[Push.DenyNetworks]", "[[Push]]",
    "AlerterEmail.",
    "PostFieldsMap = {", "= [1, \"a\", {}]", "= { a.b.c = 1 }", String(repeating: "9", count: 400),
    String(repeating: "a.", count: 200), String(repeating: "[", count: 300), String(repeating: "x", count: 5000),
  ]

  @Test(arguments: 0..<8)
  func `mutations of the example file give settings or errors`(seed: Int) throws {
    let example = Array(ExampleFile.uncommented(ExampleFile.text).utf8)
    var dice = Dice(state: UInt64(seed))
    for _ in 0..<50 {
      // A part of the file is enough, and quicker to parse.
      let start = Int.random(in: 0..<example.count, using: &dice)
      var bytes = Array(example[start..<min(example.count, start + Int.random(in: 1...6000, using: &dice))])
      for _ in 0..<Int.random(in: 1...12, using: &dice) {
        let place = Int.random(in: 0...bytes.count, using: &dice)
        switch Int.random(in: 0..<5, using: &dice) {
        case 0: bytes.insert(contentsOf: (Self.pieces.randomElement(using: &dice) ?? "").utf8, at: place)
        case 1: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 0...40, using: &dice)))
        case 2: if place < bytes.count { bytes[place] = UInt8.random(in: .min ... .max, using: &dice) }
        case 3:
          let end = min(bytes.count, place + Int.random(in: 0...200, using: &dice))
          bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: 0...bytes.count, using: &dice))
        default:
          bytes.swapAt(max(0, place - 1) % max(1, bytes.count), Int.random(in: 0..<max(1, bytes.count), using: &dice))
        }
        if bytes.isEmpty { bytes = [0x23] }
      }
      if let text = String(validating: bytes, as: UTF8.self) { judge(text) }
    }
  }

  @Test func `nesting without end is an error with its line`() {
    let texts = [
      String(repeating: "a.", count: 1_000_000) + "a = 1", "[" + String(repeating: "a.", count: 1_000_000) + "a]",
      "a = " + String(repeating: "[", count: 1_000_000), "a = " + String(repeating: "{a=", count: 500_000),
      "a = [\"\"\"\nx'\"\"\", { " + String(repeating: "a.", count: 1_000_000) + "a = 1 } ]",
      String(repeating: "'a'.", count: 500_000) + "a = 1",
    ]
    for text in texts {
      let error = #expect(throws: ConfigurationError.self) { try Configuration.parse(text, path: "c") }
      #expect(error?.diagnostics.first?.line != nil)
    }
  }

  @Test func `nesting up to the parser's own bounds is taken apart`() {
    judge("[" + String(repeating: "a.", count: 128) + "a]\n" + String(repeating: "b.", count: 128) + "b = 1\n")
    judge("a = [\"\"\"\nx'\"\"\", { " + String(repeating: "a.", count: 5900) + "a = 1 } ]")
  }

  @Test func `numbers and texts without measure are errors`() {
    let texts = [
      "SendersPerChannel = 99999999999999999999999999", "SendersPerChannel = 1e400", "SendersPerChannel = nan",
      "MaxMessageProcessTime = 9223372036854775807", "MaxMessageProcessTime = -9223372036854775808",
      "[Store]\nRefreshInterval = 9223372036854775807", "[Redis]\nDbIndex = 65536",
      "QueueServerAddr = \"a:99999999999999999999\"", "QueueServerAddr = [\(String(repeating: "\"a\",", count: 5000))]",
      "[Push]\nDenyNetworks = [\"10.0.0.0/99999999999999999999\", \"::/129\"]",
      "LOG_DIR = \"/\(String(repeating: "x", count: 10000))\"",
    ]
    for text in texts {
      #expect(throws: ConfigurationError.self, "\(text.prefix(80))") { try Configuration.parse(text, path: "c") }
    }
  }

  @Test func `a file of the largest size is read in good time, a larger one is refused`() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/c.toml"
    let junk = (0..<150_000).map { "unknown_key_\($0) = 1\n" }.joined()
    try junk.write(toFile: path, atomically: false, encoding: .utf8)
    let configuration = try Configuration.load(path, environment: [:])
    #expect(configuration.diagnostics.count == 101)
    #expect(configuration.diagnostics.last?.message == "149900 more unknown keys or tables")
    try String(repeating: "# comment\n", count: 419_431).write(toFile: path, atomically: false, encoding: .utf8)
    let error = #expect(throws: ConfigurationError.self) { try Configuration.load(path, environment: [:]) }
    #expect(error?.description.contains("larger than 4194304 bytes") == true)
  }

  @Test func `credentials in URLs aren't shown by errors`() {
    for text in ["[Push]\nProxy = \"joe:hunter2@proxy:1\"", "[Etcd]\nEndpoints = [\"joe:hunter2@etcd:2379\"]"] {
      let error = #expect(throws: ConfigurationError.self) { try Configuration.parse(text, path: "c") }
      #expect(error?.description.contains("hunter2") == false)
    }
  }
}
