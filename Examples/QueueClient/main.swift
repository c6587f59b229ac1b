// The queue client alone: a producer and a consumer of one tube. queue-client-example [queue server]
import MEDBeanstalk
import MEDCore

let arguments = CommandLine.arguments
let address = try QueueServerAddress(parsing: arguments.count > 1 ? arguments[1] : "127.0.0.1:11300")
let client = try await BeanstalkClient.connect(to: address)
let orders = TubeName("orders")!

// The producer: one call, one write, one outcome for each job.
let outcomes = await client.put((1...100).map { Put(tube: orders, body: Array("order \($0)".utf8), timeToRun: 10) })
let stored = outcomes.count { if case .stored = $0 { true } else { false } }
print("\(stored) jobs are stored")

// The consumer: four jobs at a time, each deleted when its handler returns, released in 10 s when it throws.
let (worked, work) = AsyncStream.makeStream(of: String.self)
let consumer = Task {
  try await client.consume([orders], options: .init(workers: 4)) { job in
    work.yield(String(decoding: job.body, as: UTF8.self))
  }
}
var seen: Set<String> = []  // a job may come twice, so count what is different
for await order in worked where seen.insert(order).inserted && seen.count == stored { break }
print("\(seen.count) jobs are worked on")

// Cancelling ends the reserves that wait, and finishes what is in hand.
consumer.cancel()
_ = await consumer.result
let left = try await client.statistics(of: orders)
print("\((left?.ready ?? 0) + (left?.reserved ?? 0)) jobs are left")
await client.close()
