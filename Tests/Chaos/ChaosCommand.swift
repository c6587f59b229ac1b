import ArgumentParser
import Foundation
import MEDApp
import TestStage

struct ChaosCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "chaos",
    abstract: "Kills, stops and fills everything around a dispatcher, then accounts for every message.",
    discussion: """
      Publishes messages to a topic with three subscriptions through two queue servers with binlogs, while, in an order \
      that the seed determines, the dispatcher, a queue server or the receiver is killed (KILL) or stopped for a while, the \
      receiver answers garbage, hangs, hangs up in the middle of an answer or fails, and the disk of the logs is full (the \
      latter needs root). At the end every message must have been accepted by each subscription, be in a queue, or be on the \
      DATA log, and no subscription may have got more of them twice than the dispatcher had in hand when something was killed.

      The seed determines the faults, not the moments at which they hit. On failure the directory with all logs is kept.

      Exit status: 0 all is accounted for, 1 it isn't, or the run was broken off, 64 wrong usage.

      Examples:
        chaos
        chaos --seed 7 --messages 20000 --faults 30
        chaos --mode reserved --json
      """)

  @Option(help: "Messages to publish, 100 ... 900000.")
  var messages = 100_000

  @Option(help: "How many faults, 0 ... 1000.")
  var faults = 80

  @Option(help: "Makes the same faults again; drawn if not given.")
  var seed: UInt64 = .random(in: 1...1_000_000)

  @Option(help: "What becomes of jobs in hand after a kill: \(ChaosMode.list). Drawn by the seed if not given.")
  var mode: ChaosMode?

  @Option(help: "MaxRetryTimesOfSendingMessage, 0 ... 5: with few a run is over soon.")
  var retries = 3

  @Option(
    help: ArgumentHelp(
      "The medispatcher to run, with amender beside it (default: beside this program).", valueName: "path"))
  var dispatcher: String?

  @Flag(help: "Print the result as one JSON object, and the events on standard error.")
  var json = false

  @Flag(help: "Keep the directory with all files in any case.")
  var keep = false

  func validate() throws {
    guard (100...900_000).contains(messages) else { throw ValidationError("--messages must be 100 ... 900000") }
    guard (0...1_000).contains(faults) else { throw ValidationError("--faults must be 0 ... 1000") }
    guard (0...5).contains(retries) else { throw ValidationError("--retries must be 0 ... 5") }
  }

  func run() throws {
    SignalThread.block()
    let options = ChaosOptions(
      messages: messages, faults: faults, seed: seed, mode: mode ?? ChaosMode.drawn(by: seed), retries: retries,
      dispatcher: dispatcher ?? siblingProgram("medispatcher"))
    let events = EventLog(isQuiet: json)
    events.tell("seed \(seed), \(messages) messages, \(faults) faults, \(options.mode.description)")
    do {
      let result = try ChaosRun(options, events).run(keepsFiles: keep)
      say(json ? result.json : result.text)
      guard result.isClean else { throw ExitCode(1) }
    } catch let error where !(error is ExitCode) {
      printError("chaos: \(error) (seed \(seed))")
      throw ExitCode(1)
    }
  }
}

/// What a run is to be.
struct ChaosOptions {
  let messages: Int
  let faults: Int
  let seed: UInt64
  let mode: ChaosMode
  let retries: Int
  let dispatcher: String
}

/// What becomes of the jobs that a killed dispatcher had in hand.
enum ChaosMode: String, CaseIterable, ExpressibleByArgument {
  /// They are buried, and amender kicks them.
  case amender
  /// They are buried, and the next dispatcher kicks them when it starts.
  case kickAtStart = "kick-at-start"
  /// They were only reserved, and the queue server gives them back.
  case reserved

  static var list: String { allCases.map(\.rawValue).joined(separator: ", ") }

  /// Half of the seeds have the default of the config file.
  static func drawn(by seed: UInt64) -> ChaosMode { [.amender, .kickAtStart, .amender, .reserved][Int(seed % 4)] }

  var buries: Bool { self != .reserved }

  var description: String {
    switch self {
    case .amender: "buried, amender after each kill"
    case .kickAtStart: "buried, KickOrphansAtStart"
    case .reserved: "reserved"
    }
  }
}
