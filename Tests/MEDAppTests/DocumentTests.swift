import Foundation
import Testing

@testable import MEDApp

/// The repository's texts, held against what they speak of.
@Suite("Documents")
struct DocumentTests {
  private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  private func files(under directory: String) -> [String] {
    (FileManager.default.enumerator(atPath: directory)?.compactMap { $0 as? String } ?? []).map { directory + "/" + $0 }
  }

  @Test func `the example in README and in the article is the one that is built`() throws {
    let example = try text("Examples/Embedding/main.swift")
    for document in ["README.md", "Sources/MEDCore/MEDCore.docc/EmbedTheDispatcher.md"] {
      #expect(try text(document).contains("```swift\n\(example)```"), "\(document)")
    }
  }

  @Test(arguments: ["README.md", "CHANGELOG.md", "ARCHITECTURE.md", "Docs/migration.md"])
  func `links lead to files`(document: String) throws {
    let directory = document.prefix(upTo: document.lastIndex(of: "/") ?? document.startIndex)
    for match in try text(document).matches(of: /\]\(([^)#:]+)(#[^)]*)?\)/) {
      let path = directory.isEmpty ? String(match.1) : "\(directory)/\(match.1)"
      #expect(FileManager.default.fileExists(atPath: path), "\(document): \(match.1)")
    }
  }

  @Test func `files that ARCHITECTURE names are there`() throws {
    let all = files(under: "Sources") + files(under: "Tests")
    for match in try text("ARCHITECTURE.md").matches(of: /`([A-Za-z+\/]+\.swift)`/) {
      #expect(all.contains { ("/" + $0).hasSuffix("/" + match.1) }, "\(match.1)")
    }
  }

  @Test func `tests that ARCHITECTURE names are there`() throws {
    let sources = try files(under: "Tests").filter { $0.hasSuffix(".swift") }.map(text).joined()
    let bounds = try text("ARCHITECTURE.md").split(separator: "\n").filter { $0.hasPrefix("| ") }
    let names = bounds.compactMap { $0.firstMatch(of: /\| `([^`|]+ [^`|]+)` \|$/)?.1 }
    #expect(names.count > 20)
    for name in names { #expect(sources.contains("func `\(name)`"), "\(name)") }
  }

  /// Every `medctl …` line of README, with the programs' own words for what is optional.
  @Test func `commands that README shows are understood`() throws {
    let lines = try text("README.md").split(separator: "\n").filter {
      $0.hasPrefix("medctl ") || $0.hasPrefix("medispatcher ")
    }
    #expect(lines.count >= 5)
    for line in lines {
      let command = line.split(separator: "  ", maxSplits: 1)[0]
      var words = command.replacing("'{\"order\": 4711}'", with: "{}").split(separator: " ").map(String.init)
      let program = words.removeFirst()
      // A config file that isn't there is found out after the arguments were understood.
      let place = words.firstIndex(of: "try.toml")
      if let place { words[place] = "/nonexistent/try.toml" } else { words.append("--help") }
      #expect(try ProgramRun(program, words).status == (place == nil ? 0 : 78), "\(line)")
    }
  }
}
