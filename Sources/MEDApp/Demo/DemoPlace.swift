import Foundation

/// The directory that everything of a demonstration is in.
struct DemoPlace: Sendable {
  let path: String
  private let keepsFiles: Bool

  init(keepsFiles: Bool) throws {
    let parent = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
    path = parent + "/medispatcher-demo-" + UUID().uuidString.prefix(8).lowercased()
    self.keepsFiles = keepsFiles
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  }

  func remove() {
    if !keepsFiles { try? FileManager.default.removeItem(atPath: path) }
  }

  func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/" + name))
  }

  /// The last line of a file, for saying why a program ended.
  func lastLine(of name: String) -> String? {
    let text = (try? readFile(path + "/" + name, atMost: 1 << 20)).map { String(decoding: $0, as: UTF8.self) }
    return text?.split(separator: "\n").last.map { escapeControlCharacters($0) }
  }
}
