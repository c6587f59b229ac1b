/// One program for both: the run, and the receiver that it kills.
@main
enum Main {
  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    if arguments.first == ReceiverCommand.name {
      ReceiverCommand.main(Array(arguments.dropFirst()))
    } else {
      ChaosCommand.main(arguments)
    }
  }
}
