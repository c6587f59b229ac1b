import MEDBeanstalk
import MEDCore
import MEDPush

let arguments = CommandLine.arguments  // embedding-example [queue server] [subscriber's URL]
let log = FileDataLog(directory: "log")
let dispatcher = Dispatcher(
  configuration: DispatcherConfiguration(mainQueue: TubeName("events")!),
  queue: try BeanstalkQueue(servers: [arguments.count > 1 ? arguments[1] : "127.0.0.1:11300"]),
  pusher: CurlPusher(),
  subscriptions: FixedSubscriptions([
    Subscription(
      id: 1, topic: "order_paid",
      receptionChannel: arguments.count > 2 ? arguments[2] : "http://127.0.0.1:8080/orders")
  ]),
  dataLog: log)
try await dispatcher.run()  // until its task is cancelled, or its ServiceGroup shuts down
try await log.close()
