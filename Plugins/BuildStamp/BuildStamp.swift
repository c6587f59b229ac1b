import Foundation
import PackagePlugin

/// Writes `BuildStamp.swift`, the commit and the moment that `--version` shows, anew when a source or the commit has
/// changed. Nothing in the repository is touched by that.
@main
struct BuildStamp: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) -> [Command] {
    let root = context.package.directoryURL
    let script = root.appending(path: "Scripts/build-stamp.sh")
    let output = context.pluginWorkDirectoryURL.appending(path: "BuildStamp.swift")
    let modules = context.package.targets.compactMap { $0 as? any SourceModuleTarget }.filter { $0.kind != .test }
    let sources = modules.flatMap { $0.sourceFiles.map(\.url) }.filter { $0.path().hasPrefix(root.path()) }
    return [
      .buildCommand(
        displayName: "Stamping the build", executable: URL(filePath: "/bin/sh"),
        arguments: [script.path(), root.path(), output.path()],
        inputFiles: sources + [script] + gitLog(of: root), outputFiles: [output])
    ]
  }

  /// The file that git writes a line to whenever HEAD moves.
  private func gitLog(of root: URL) -> [URL] {
    var directory = root.appending(path: ".git")
    // In a worktree .git is a file that says where the directory is.
    if let text = try? String(contentsOf: directory, encoding: .utf8), text.hasPrefix("gitdir: ") {
      directory = URL(filePath: text.dropFirst(8).trimmingCharacters(in: .whitespacesAndNewlines))
    }
    let log = directory.appending(path: "logs/HEAD")
    return FileManager.default.fileExists(atPath: log.path()) ? [log] : []
  }
}
