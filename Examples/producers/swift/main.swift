// Puts messages into the main queue of one of several beanstalkds, or else on a recover list in Redis.
//
//   swift run producer-example 127.0.0.1:11300,127.0.0.1:11301 127.0.0.1:6379 order_paid '{"order": 4711}'
import Glibc
import MEDProducer

let arguments = CommandLine.arguments
guard arguments.count == 5 else {
  print("producer-example QUEUE_SERVERS REDIS TOPIC JSON")
  exit(64)
}
// One for the whole program, to be used from anywhere; it connects behind, and again whenever that is needed.
let producer = try await Producer.start(
  ProducerConfiguration(servers: arguments[1], recoverList: .init(server: arguments[2])))

var message = Message(topic: arguments[3], json: arguments[4])
message.sender = "swift"
do {
  let publication = try await producer.publish(message)
  switch publication.place {
  case .queued(let server): print("queued on \(server)")
  case .listed(let list): print("listed on \(list)")
  }
  for place in publication.inDoubt { print("perhaps also on \(place): then it comes twice") }
} catch {
  switch error.disposition {
  case .retry: print("keep it, and publish it again: \(error)")
  case .discard, .fatal: print("nobody will take it as it is: \(error)")
  }
  await producer.close()
  exit(1)
}
await producer.close()
