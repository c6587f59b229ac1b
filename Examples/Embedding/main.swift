import MEDBeanstalk
import MEDCore
import MEDPush

let log = FileDataLog(directory: "log")
let dispatcher = Dispatcher(
  configuration: DispatcherConfiguration(mainQueue: TubeName("events")!),
  queue: try BeanstalkQueue(servers: ["127.0.0.1:11300"]),
  pusher: CurlPusher(),
  subscriptions: FixedSubscriptions([
    Subscription(id: 1, topic: "order_paid", receptionChannel: "http://127.0.0.1:8080/orders")
  ]),
  dataLog: log)
try await dispatcher.run()  // until its task is cancelled, or its ServiceGroup shuts down
try await log.close()
