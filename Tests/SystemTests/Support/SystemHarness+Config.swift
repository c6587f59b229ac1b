import Foundation
import Glibc
import MEDTestSupport

extension SystemHarness {
  /// The config file with other values: TOML by key (`Key` or `Section.Key`); nil takes a key out.
  func configText(_ changes: [String: String?]) -> String {
    var lines = directory.read("config.toml").split(separator: "\n").map(String.init)
    for (path, value) in changes.sorted(by: { $0.key < $1.key }) {
      let parts = path.split(separator: ".").map(String.init)
      let key = parts[parts.count - 1]
      let section = parts.count > 1 ? parts.dropLast().joined(separator: ".") : ""
      var start = 0
      if !section.isEmpty {
        if !lines.contains("[\(section)]") { lines.append("[\(section)]") }
        start = (lines.firstIndex(of: "[\(section)]") ?? 0) + 1
      }
      let end = lines[start...].firstIndex { $0.hasPrefix("[") } ?? lines.count
      let old = lines[start..<end].firstIndex { $0.hasPrefix(key + " ") }
      if let old { lines.remove(at: old) }
      if let value { lines.insert("\(key) = \(value)", at: old ?? start) }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Writes other values into the config file, in place.
  func configure(_ changes: [String: String?]) throws {
    try directory.write(configText(changes), to: "config.toml")
  }

  /// How often a line with `text` is in a log file.
  func count(_ text: String, in log: String) -> Int {
    self.log(log).split(separator: "\n").count { $0.contains(text) }
  }

  /// The same, then HUP, and waits until the file was read.
  func reload(_ changes: [String: String?]) async throws {
    try configure(changes)
    let before = count("config file was re", in: "info")
    try dispatcher.signal(SIGHUP)
    try await eventually("the config file is read", within: .seconds(20)) {
      count("config file was re", in: "info") > before
    }
  }
}
