/// The URLs of a subscription that qualify (SPEC §5 "Targets"), in their order.
public struct Targets: Sendable, Equatable {
  /// Those that qualify, in the order of their lines.
  public let all: [Target]

  /// Whether there is nowhere to push to.
  public var isEmpty: Bool { all.isEmpty }

  /// A line that isn't used because it holds no URL that can be pushed to.
  public struct Ignored: Sendable, Equatable {
    /// Counted from 1.
    public let line: Int
    /// Why the line is passed over.
    public let reason: String
  }

  /// Reads `reception_channel` or `ReceptionUri`: one URL per line, each maybe after a tag `[T_ENV:<name>]`.
  ///
  /// With an `environment` (RECEPTION_ENV) that any line is tagged with, whatever its case, only these lines count;
  /// otherwise the untagged ones.
  public static func parse(_ text: String, environment: String) -> (targets: Targets, ignored: [Ignored]) {
    var tagged: [Target] = []
    var untagged: [Target] = []
    var ignored: [Ignored] = []
    var environmentIsNamed = false
    let environment = environment.trimmed.lowercased()

    var number = 0
    for line in text.utf8.split(omittingEmptySubsequences: false, whereSeparator: { $0 == 0x0A }) {
      number += 1
      let line = line.count == text.utf8.count ? text.trimmed : String(Substring(line)).trimmed
      guard !line.isEmpty else { continue }
      let (tag, url) = splitTag(line)
      let isOurs = tag.map { !environment.isEmpty && $0.lowercased() == environment }
      if isOurs == true { environmentIsNamed = true }
      switch Target.parse(url) {
      case .success(let target) where isOurs == nil: untagged.append(target)
      case .success(let target) where isOurs == true: tagged.append(target)
      case .success: break
      case .failure(let problem): ignored.append(Ignored(line: number, reason: problem.rawValue))
      }
    }
    return (Targets(all: environmentIsNamed ? tagged : untagged), ignored)
  }

  /// `[T_ENV:<name>]<url>` → name and URL; nil if there is no tag.
  private static func splitTag(_ line: String) -> (tag: String?, url: String) {
    let mark = "[t_env:"
    guard line.prefix(mark.count).lowercased() == mark, let end = line.firstIndex(of: "]") else { return (nil, line) }
    let name = line[line.index(line.startIndex, offsetBy: mark.count)..<end]
    return (String(name).trimmed, String(line[line.index(after: end)...]).trimmed)
  }
}
