import Foundation
import MEDProducer
import Testing

@Suite("Docs/producers.md says what is so")
struct DocumentTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
  }

  /// What stands between the fences of that language.
  private static func blocks(_ language: String) throws -> [String] {
    try text("Docs/producers.md").components(separatedBy: "```\(language)\n").dropFirst()
      .compactMap { $0.components(separatedBy: "\n```\n").first.map { $0 + "\n" } }
  }

  @Test(arguments: [
    ("swift", "swift/main.swift"), ("php", "php/producer.php"), ("python", "python/producer.py"),
    ("go", "go/producer.go"),
  ])
  func `each example is the file that the tests run`(language: String, file: String) throws {
    #expect(try Self.blocks(language) == [Self.text("Examples/producers/\(file)")])
  }

  /// The hexadecimal numbers that begin each line.
  private static func bytes(_ block: String) -> [UInt8] {
    block.split(separator: "\n").flatMap { line in
      line.split(separator: " ").map { $0.count == 2 ? UInt8($0, radix: 16) : nil }.prefix { $0 != nil }
        .compactMap { $0 }
    }
  }

  @Test func `the bytes are a message, and the entry of a list`() throws {
    var message = Message(topic: "order_paid", body: ["order": 4711])
    message.time = 1_700_000_000.25
    let encoded = try message.encoded()
    let blocks = try Self.blocks("hex").map(Self.bytes)
    #expect(blocks == [encoded, [0xd9, UInt8(encoded.count)] + encoded])
  }

  @Test func `the defaults are those of the library`() throws {
    let text = try Self.text("Docs/producers.md")
    #expect(text.contains("`\(ProducerConfiguration.defaultMainQueue)`"))
    #expect(text.contains("`\(RecoverListConfiguration.defaultPrefix)`"))
    let example = try Self.text("Docs/etc/medispatcher.toml")
    #expect(example.contains("\"\(ProducerConfiguration.defaultMainQueue)\""))
    #expect(example.contains("\"\(RecoverListConfiguration.defaultPrefix)\""))
    for file in ["php/producer.php", "python/producer.py", "go/producer.go"] {
      let source = try Self.text("Examples/producers/\(file)")
      #expect(source.contains(ProducerConfiguration.defaultMainQueue))
      #expect(source.contains(RecoverListConfiguration.defaultPrefix))
    }
  }
}
