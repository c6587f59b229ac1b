import ArgumentParser
import MEDApp
import MEDCore

struct PublishCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "publish",
    abstract: "Puts messages into the main queue.",
    discussion: """
      The payload is JSON: given as an argument, or read from a file or (-) standard input, which hold one value, or one \
      per line and message.

      Examples:
        medctl publish order_paid '{"order": 4711}'
        medctl publish order_paid --file orders.jsonl --sender import
        echo '"hello"' | medctl publish greetings - --count 1000
      """)

  @OptionGroup var config: ConfigOptions

  @Argument(help: "The topic.", completion: .topics)
  var topic: String

  @Argument(help: "The payload as JSON, or - for standard input.")
  var json: String?

  @Option(help: ArgumentHelp("Read payloads from this file.", valueName: "path"), completion: .file())
  var file: String?

  @Option(help: "Publish the payload, or all of them in turn, so many times.")
  var count = 1

  @Option(help: "Who publishes.")
  var sender = "medctl"

  @Option(help: "The priority in the main queue, 0 ... 4294967295; smaller is sooner.")
  var priority: UInt32 = Put.priority

  @Option(help: ArgumentHelp("Seconds until the message may be taken.", valueName: "s"))
  var delay: UInt32 = 0

  @Flag(name: .customLong("json"), help: "Print the result as JSON.")
  var asJSON = false

  func validate() throws {
    guard (json == nil) != (file == nil) else { throw ValidationError("Give either JSON (or -) or --file.") }
    guard (1...100_000_000).contains(count) else { throw ValidationError("--count must be 1 ... 100000000") }
    guard !topic.isEmpty else { throw ValidationError("The topic must not be empty.") }
  }

  func run() throws {
    let settings = try config.load()
    try failing {
      let messages = try ToolInput.payloads(argument: json, file: file).map { payload in
        var message = try OutgoingMessage(topic: topic, json: payload)
        message.sender = sender
        message.priority = priority
        message.delay = delay
        return message
      }
      let publisher = try BeanstalkPublisher(servers: settings.queueServers, tube: settings.mainQueue)
      let bar = ProgressBar("publishing")
      try PublishRun.run(messages, count: count, to: publisher) { bar.show($0, of: $1) }
      let total = messages.count * count
      print(asJSON ? #"{"published":\#(total)}"# : "\(total) message\(total == 1 ? "" : "s") published")
    }
  }
}
