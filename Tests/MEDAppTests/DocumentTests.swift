import ArgumentParser
import Foundation
import MEDAdmin
import MEDCore
import Testing

@testable import MEDApp

@Suite("Documents say what is so")
struct DocumentTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
  }

  /// The lines between fences.
  private static func fenced(_ text: String) -> [Substring] {
    var isInside = false
    return text.split(separator: "\n").filter { line in
      guard line.hasPrefix("```") else { return isInside }
      isInside.toggle()
      return false
    }
  }

  @Test(arguments: [
    "README.md", "Docs/OPERATING.md", "Docs/admin-api.md", "Docs/alerts.md", "Docs/amender.md", "Docs/control.md",
    "Docs/migration.md", "Docs/performance.md", "Docs/producers.md", "Docs/recover-lists.md", "Docs/statistics.md",
    "Examples/README.md",
  ])
  func `its commands are understood`(path: String) throws {
    let roots = Dictionary(uniqueKeysWithValues: ProgramCommand.roots.map { ($0.configuration.commandName ?? "", $0) })
    var count = 0
    for line in Self.fenced(try Self.text(path)) {
      let line = line.trimmingPrefix { $0 == " " }
      let command = line.firstRange(of: " #").map { line[..<$0.lowerBound] } ?? line
      for words in pipeline(String(command)) {
        guard let name = words.first, let root = roots[name] else { continue }
        count += 1
        do {
          _ = try root.parseAsRoot(Array(words.dropFirst()))
        } catch {
          Issue.record("\(line): \(root.message(for: error))")
        }
      }
    }
    if path.hasSuffix("OPERATING.md") || path == "README.md" { #expect(count > 0) }
  }

  @Test func `OPERATING tells of every record, and of messages that there are`() throws {
    let text = try Self.text("Docs/OPERATING.md")
    for kind in RecordKind.allCases { #expect(text.contains("`\(kind.rawValue)`"), "\(kind.rawValue)") }
    let sources = try Self.sources()
    let alarms = text.components(separatedBy: "## Alarms of the logs").last?.components(separatedBy: "### The process")
    var count = 0
    for row in alarms?.first?.split(separator: "\n") ?? [] where row.hasPrefix("| `") {
      let messages = row.split(separator: "|")[0].matches(of: /`([^`]*)`/).map { $0.1 }
      for message in messages {
        count += 1
        let known = message.prefix { $0 != "…" && $0 != "=" }.components(separatedBy: " record")[0]
          .trimmingCharacters(in: .whitespaces)
        #expect(sources.contains(known), "\(message)")
      }
    }
    #expect(count > 20)
  }

  @Test func `control tells of every command and every parameter, with its bounds`() throws {
    let text = try Self.text("Docs/control.md")
    for name in ControlCommand.Name.allCases { #expect(text.contains("\n### \(name.rawValue)\n"), "\(name.rawValue)") }
    let rows = text.split(separator: "\n").filter { $0.hasPrefix("| ") }
    for definition in ParameterTable().definitions {
      let row = rows.first { $0.split(separator: "|")[0].contains(definition.name.rawValue) }
      guard let row else {
        Issue.record("\(definition.name.rawValue) is missing")
        continue
      }
      switch definition.kind {
      case .integer(let range):
        // A bound that the config file sets is named by its key.
        #expect(row.contains("\(range.lowerBound) ... ") || row.contains("0 keep"), "\(definition.name)")
        #expect(row.contains("`Max") || row.contains("0 keep") || row.contains(" \(range.upperBound) |"), "\(row)")
      case .choice(let words): for word in words { #expect(row.contains("\"\(word)\""), "\(row)") }
      case .text(let bytes), .signingSecret(let bytes), .targets(let bytes):
        #expect(row.contains("\(bytes) bytes"), "\(row)")
      case .boolean: #expect(row.contains("boolean"), "\(row)")
      }
    }
  }

  @Test func `admin-api calls every route of the API as the API's document has it, and no other`() throws {
    let document = try #require(
      try JSONSerialization.jsonObject(with: Data(AdminAPI.openAPIDocument)) as? [String: Any])
    let paths = try #require(document["paths"] as? [String: [String: [String: Any]]])
    var called: Set<String> = []
    for line in Self.fenced(try Self.text("Docs/admin-api.md")) where line.hasPrefix("curl ") {
      let words = try #require(pipeline(String(line)).first)
      let method = words.firstIndex(of: "-X").map { words[$0 + 1] } ?? "GET"
      let address = try #require(words.last)
      let url = try #require(URL(string: address))
      let parts = url.path.split(separator: "/")
      let path = paths.keys.first { pattern in
        let wanted = pattern.split(separator: "/")
        return wanted.count == parts.count
          && zip(wanted, parts).allSatisfy { $0 == $1 || $0.hasPrefix("{") && Int($1) != nil }
      }
      guard let path, let operation = paths[path]?[method.lowercased()] else {
        Issue.record("\(line)")
        continue
      }
      called.insert("\(method) \(path)")
      let known = (operation["parameters"] as? [[String: Any]] ?? []).compactMap { $0["name"] as? String }
      for item in URLComponents(url: url, resolvingAgainstBaseURL: false)?.queryItems ?? [] {
        #expect(known.contains(item.name), "\(line)")
      }
      if let data = words.firstIndex(of: "-d").map({ words[$0 + 1] }) {
        #expect(throws: Never.self, "\(line)") { try JSONSerialization.jsonObject(with: Data(data.utf8)) }
        #expect(operation["requestBody"] != nil, "\(line)")
      }
    }
    let all = paths.flatMap { path, operations in operations.keys.map { "\($0.uppercased()) \(path)" } }
    #expect(called == Set(all))
  }

  @Test func `alerts tells of every kind, every field of the alarm platform, and every bound`() throws {
    let text = try Self.text("Docs/alerts.md")
    for kind in Alert.Kind.allCases { #expect(text.contains("`\(kind.rawValue)`"), "\(kind.rawValue)") }
    for way in AlertWay.allCases { #expect(text.contains("`\(way.rawValue)`"), "\(way.rawValue)") }
    for state in AlertRecord.State.allCases { #expect(text.contains("`\(state.rawValue)`"), "\(state.rawValue)") }
    let names = [
      ParameterName.alerterEnabled, .alerterEmails, .alerterPhoneNumbers, .alerterReceiver, .alarmInterval,
      .intervalOfErrorMonitorAlert, .messageFailureAlertThreshold, .subscriptionTotalFailureAlertThreshold,
      .messageBlockedAlertThreshold,
    ]
    for name in names { #expect(text.contains("`\(name.rawValue)`"), "\(name.rawValue)") }
    for number in ["\(AlertRecipients.maximum) ", "1,000 ", "\(Alerts.recentBound) "] { #expect(text.contains(number)) }
    #expect(Alerts.bound == 1_000)
  }

  private static func sources() throws -> String {
    let folder = root.appendingPathComponent("Sources")
    let names = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
    return try names.filter { $0.hasSuffix(".swift") }
      .map { try String(contentsOf: folder.appendingPathComponent($0), encoding: .utf8) }.joined(separator: "\n")
  }
}
