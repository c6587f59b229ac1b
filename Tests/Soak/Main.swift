import ArgumentParser
import Foundation
import MEDApp
import TestStage

@main
struct SoakCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "soak",
    abstract: "Runs a dispatcher for long while everything around it changes, and shows whether it stays flat.",
    discussion: """
      Starts queue servers with binlogs, a dispatcher and a subscriber of which every 50th answer is a failure. Every few \
      seconds parameters change, subscriptions come and go, the config file changes, a queue server dies and comes back or \
      stops for a while. Memory, descriptors, sockets and threads of the dispatcher are sampled, and every message of the \
      subscriptions that stay is accounted for. Exits with 1 if one is missing or a figure has grown.

      Examples:
        swift run -c release soak --minutes 60 --rate 2000
        swift run -c release soak --minutes 2 --seed 7 --csv soak.csv
      """)

  @Option(help: "How long, 1 ... 10000.")
  var minutes = 60

  @Option(help: "Messages published a second, 1 ... 100000.")
  var rate = 2_000

  @Option(help: "How many queue servers, 1 ... 16.")
  var servers = 2

  @Option(help: "How many topics; each has one subscription that stays and others that come and go.")
  var topics = 20

  @Option(help: "Makes the same changes again; drawn if not given.")
  var seed: UInt64 = .random(in: 1...1_000_000)

  @Option(help: ArgumentHelp("The medispatcher to run (default: the one beside this program).", valueName: "path"))
  var dispatcher: String?

  @Option(help: ArgumentHelp("Write every sample to this file.", valueName: "path"))
  var csv: String?

  func validate() throws {
    guard (1...10_000).contains(minutes) else { throw ValidationError("--minutes must be 1 ... 10000") }
    guard (1...100_000).contains(rate) else { throw ValidationError("--rate must be 1 ... 100000") }
    guard (1...16).contains(servers) else { throw ValidationError("--servers must be 1 ... 16") }
    guard (1...1_000).contains(topics) else { throw ValidationError("--topics must be 1 ... 1000") }
  }

  func run() throws {
    say("seed \(seed)")
    let ledger = SoakLedger(topics: topics)
    let stage = try SoakStage(
      servers: servers, dispatcher: dispatcher ?? siblingProgram("medispatcher"), ledger: ledger)
    defer { stage.end() }
    var changes = SoakChanges(stage, topics: topics, seed: seed)
    try changes.begin()
    try stage.startDispatcher()
    let publisher = SoakPublisher(stage.addresses, ledger: ledger, rate: rate)
    publisher.start()

    var samples = SoakSamples(csv: csv)
    let end = ContinuousClock.now + .seconds(60 * minutes)
    var nextSample = ContinuousClock.now
    while ContinuousClock.now < end {
      try changes.makeOne()
      let nextChange = ContinuousClock.now + .milliseconds(changes.pauseMilliseconds())
      while ContinuousClock.now < nextChange {
        usleep(100_000)  // why: it looks ten times a second
        guard ContinuousClock.now >= nextSample else { continue }
        nextSample += .seconds(10)
        guard stage.dispatcherIsRunning else { throw SystemError(message: "the dispatcher ended: \(stage.lastWords)") }
        samples.take(of: stage.dispatcherID, ledger, left: end - .now)
      }
    }
    try changes.settle()
    publisher.stop()
    let missing = stage.waitForDeliveries(within: .seconds(180))
    let status = stage.stopDispatcher()
    say("\n\(changes.summary)")
    say(
      "\(ledger.published) messages published, \(ledger.arrived) arrived at stable subscriptions, \(missing) missing")
    say("the dispatcher ended with \(status)")
    let isFlat = samples.report()
    guard missing == 0, isFlat, status == 0 else { throw ExitCode(1) }
  }
}
