@testable import MEDApp

/// What `Docs/etc/medispatcher.toml` must hold, made from the table of options.
enum ExampleFile {
  static let path = "Docs/etc/medispatcher.toml"

  static var text: String {
    var lines = [
      "# The config file of medispatcher. Every key is here, with its default: take the # away to change it.",
      "# Strings may hold ${NAME}, the value of an environment variable; $${ is a plain ${.",
      "# Check a file with: medispatcher --check-config -f FILE",
    ]
    var section = ""
    for option in ConfigOption.all {
      if option.section != section {
        section = option.section
        lines += ["", "", "#[\(section)]"]
      }
      lines.append("")
      lines += wrapped(option.summary)
      lines += wrapped(
        "Default: \(option.defaultText). Allowed: \(option.allowedWithUnit). Changes: \(option.effect.rawValue).")
      if !option.aliases.isEmpty { lines.append("# Also called \(option.aliases.joined(separator: ", ")).") }
      lines.append("#\(option.key) = \(option.defaultText)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The file with every key and table in force.
  static func uncommented(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      line.hasPrefix("#") && !line.hasPrefix("# ") ? String(line.dropFirst()) : String(line)
    }.joined(separator: "\n")
  }

  private static func wrapped(_ text: String) -> [String] {
    var lines = ["#"]
    for word in text.split(separator: " ") {
      if let last = lines.last, last.count + word.count > 110 { lines.append("#") }
      lines[lines.count - 1] += " " + word
    }
    return lines
  }
}
