import ArgumentParser
import Foundation
import Testing

@testable import MEDApp
@testable import amender
@testable import medctl
@testable import medispatcher

/// Every command of the three programs, with the words that lead to it.
struct ProgramCommand: CustomTestStringConvertible, Sendable {
  let type: any ParsableCommand.Type
  let root: any ParsableCommand.Type
  let words: [String]

  var testDescription: String { words.joined(separator: " ") }

  static let roots: [any ParsableCommand.Type] = [MedctlCommand.self, AmenderCommand.self, MedispatcherCommand.self]

  static let all: [ProgramCommand] = roots.flatMap { walk($0, root: $0, []) }

  private static func walk(
    _ type: any ParsableCommand.Type, root: any ParsableCommand.Type, _ before: [String]
  ) -> [ProgramCommand] {
    let words = before + [type.configuration.commandName ?? type._commandName]
    return [ProgramCommand(type: type, root: root, words: words)]
      + type.configuration.subcommands.flatMap { walk($0, root: root, words) }
  }

  /// Indented lines after "Examples:", up to the next text.
  var examples: [String] {
    let lines = type.configuration.discussion.split(separator: "\n", omittingEmptySubsequences: false)
    guard let start = lines.firstIndex(of: "Examples:") else { return [] }
    return lines[(start + 1)...].prefix { $0.hasPrefix("  ") }.map { String($0.dropFirst(2)) }
  }
}

/// The words of each command of a pipeline, as a shell would take them apart.
func pipeline(_ line: String) -> [[String]] {
  var commands: [[String]] = [[]]
  var word: String?
  var quote: Character?
  func endWord(_ word: inout String?, _ commands: inout [[String]]) {
    if let word { commands[commands.count - 1].append(word) }
    word = nil
  }
  for character in line {
    switch character {
    case quote: quote = nil
    case "'" where quote == nil, "\"" where quote == nil:
      quote = character
      word = word ?? ""
    case " " where quote == nil: endWord(&word, &commands)
    case "|" where quote == nil:
      endWord(&word, &commands)
      commands.append([])
    default: word = (word ?? "") + String(character)
    }
  }
  endWord(&word, &commands)
  return commands
}

@Suite("§14 §16 Help and completion of all programs")
struct HelpTests {
  @Test(arguments: ProgramCommand.all)
  func `every command has examples, and they are understood`(command: ProgramCommand) throws {
    #expect(!command.examples.isEmpty)
    let programs = ProgramCommand.roots.map { $0.configuration.commandName ?? "" }
    for example in command.examples {
      let ours = pipeline(example).filter { programs.contains($0.first ?? "") }
      #expect(!ours.isEmpty, "\(example)")
      for words in ours {
        let root = try #require(ProgramCommand.roots.first { $0.configuration.commandName == words[0] })
        do {
          let parsed = try root.parseAsRoot(Array(words.dropFirst()))
          // A command without work of its own shows examples of those below it.
          if command.type.configuration.subcommands.isEmpty { #expect(type(of: parsed) == command.type, "\(example)") }
        } catch {
          Issue.record("\(example): \(root.message(for: error))")
        }
      }
    }
  }

  @Test(arguments: ProgramCommand.all)
  func `--help of every command ends with 0 and shows its examples`(command: ProgramCommand) throws {
    let run = try ProgramRun(command.words[0], Array(command.words.dropFirst()) + ["--help"])
    #expect(run.status == 0)
    #expect(run.output.contains("Examples:"))
    // Lines are wrapped.
    let shown = run.output.filter { !$0.isWhitespace }
    #expect(command.examples.allSatisfy { shown.contains($0.filter { !$0.isWhitespace }) })
  }

  @Test(arguments: ["medispatcher", "amender", "medctl"], ["bash", "zsh", "fish"])
  func `completion scripts are made, and the shell takes them`(program: String, shell: String) throws {
    let run = try ProgramRun(program, ["--generate-completion-script", shell])
    #expect(run.status == 0)
    #expect(run.output.contains(program))
    guard let path = ChildProcess.find(shell) else {
      #expect(shell != "bash")
      return
    }
    let scratch = try Scratch()
    try run.output.write(toFile: scratch.path + "/script", atomically: true, encoding: .utf8)
    let check = try ProgramRun(path, ["-n", scratch.path + "/script"])
    #expect(check.status == 0, "\(check.errors)")
  }

  @Test func `the script that make completions calls writes one file for each program and shell`() throws {
    let scratch = try Scratch()
    let programs = String(siblingProgram("medctl").dropLast("/medctl".count))
    let run = try ProgramRun(
      "/bin/bash", [FileManager.default.currentDirectoryPath + "/Scripts/completions.sh", programs, scratch.path])
    #expect(run.status == 0, "\(run.errors)")
    for file in ["bash/medctl", "zsh/_amender", "fish/medispatcher.fish"] {
      #expect(scratch.text(file)?.isEmpty == false, "\(file)")
    }
  }
}
