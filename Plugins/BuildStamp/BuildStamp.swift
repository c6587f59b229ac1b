import Foundation
import PackagePlugin

/// Writes `BuildStamp.swift`: the commit and the moment that `--version` shows.
///
/// Before each build, so that a new commit is seen; the file changes only if a source or the commit has.
@main
struct BuildStamp: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) -> [Command] {
    let root = context.package.directoryURL
    let directory = context.pluginWorkDirectoryURL.appending(path: "stamp")
    return [
      .prebuildCommand(
        displayName: "Stamping the build", executable: URL(filePath: "/bin/sh"),
        arguments: [root.appending(path: "Scripts/build-stamp.sh").path(), root.path(), directory.path()],
        outputFilesDirectory: directory)
    ]
  }
}
