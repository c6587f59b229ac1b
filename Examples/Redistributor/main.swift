// The redistributor alone: main queue → channels, for workers that take from the channels by themselves.
// redistributor-example [queue server]; ends gracefully on TERM and INT.
import Logging
import MEDBeanstalk
import MEDCore
import ServiceLifecycle

let arguments = CommandLine.arguments
let log = FileDataLog(directory: "log")
let redistributor = Redistributor(
  configuration: DispatcherConfiguration(mainQueue: TubeName("events")!),
  queue: try BeanstalkQueue(servers: [arguments.count > 1 ? arguments[1] : "127.0.0.1:11300"]),
  subscriptions: FixedSubscriptions([
    Subscription(id: 1, topic: "order_paid", receptionChannel: ""),  // → order_paid/sub-queue/1
    Subscription(id: 2, topic: "order_paid", receptionChannel: ""),  // → order_paid/sub-queue/2
  ]),
  dataLog: log)
let services = ServiceGroup(
  services: [redistributor], gracefulShutdownSignals: [.sigterm, .sigint], logger: Logger(label: "redistributor"))
try await services.run()
try await log.close()
