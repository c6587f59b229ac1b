import MEDTestSupport
import Testing

/// The programs in Examples/, as their README says to run them.
@Suite("Examples", .showsServerOutput)
struct ExampleTests {
  private func run(_ example: String, _ arguments: String...) async throws -> ServerProcess.Finished {
    try await ServerProcess.run(BuiltBinary.path(example), arguments, within: .seconds(60))
  }

  @Test func `the dispatcher in another program delivers`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let receiver = try TestReceiver()
    let example = try ServerProcess(
      BuiltBinary.path("embedding-example"), [beanstalkd.address, receiver.url("/orders")])
    try beanstalkd.client().put(TestMessage(topic: "order_paid", body: ["order": 4711]).encoded, into: "events")
    try await eventually("delivered", within: .seconds(30)) { receiver.count("/orders") == 1 }
    #expect(receiver.requests("/orders").first?.field("message") == #"{"order":4711}"#)
    try await eventually("settled", within: .seconds(20)) { try beanstalkd.jobs() == JobTotals() }
    try await example.stop()
  }

  @Test func `the queue client alone puts a hundred jobs and works on them`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let run = try await run("queue-client-example", beanstalkd.address)
    #expect(run.output == "100 jobs are stored\n100 jobs are worked on\n0 jobs are left\n", "\(run.errors)")
    #expect(run.status == .code(0))
    try #expect(beanstalkd.jobs() == JobTotals())
  }

  @Test func `the redistributor alone fills the channels, and stops on TERM`() async throws {
    let beanstalkd = try await BeanstalkdServer.start()
    let example = try ServerProcess(BuiltBinary.path("redistributor-example"), [beanstalkd.address])
    let witness = try beanstalkd.client()
    for _ in 0..<10 { try witness.put(TestMessage(topic: "order_paid").encoded, into: "events") }
    try await eventually("copied", within: .seconds(30)) {
      try witness.jobs(in: "order_paid/sub-queue/1").ready == 10 && witness.jobs() == JobTotals(ready: 20)
    }
    try #expect(witness.jobs(in: "order_paid/sub-queue/2").ready == 10)
    #expect(try await example.stop(within: .seconds(30)) == .code(0))
    try #expect(witness.jobs() == JobTotals(ready: 20))
  }

  @Test func `the pusher alone tells whether a subscriber has acknowledged`() async throws {
    let receiver = try TestReceiver()
    receiver.on("/yes", .ok)
    receiver.on("/no", .status(500))
    #expect(try await run("pusher-example", receiver.url("/yes")).output == "answered 200: delivered\n")
    #expect(receiver.requests("/yes").first?.text == #"{"order": 4711}"#)
    #expect(receiver.requests("/yes").first?.query("attempt") == "1")
    #expect(try await run("pusher-example", receiver.url("/no")).output.hasPrefix("answered 500: "))
    let nobody = try FreePort.next()
    #expect(try await run("pusher-example", "http://127.0.0.1:\(nobody)/").output.hasPrefix("failed (refused)"))
  }

  @Test func `the data-log writer alone writes what it reads again`() async throws {
    let directory = try TemporaryDirectory("example")
    let run = try await run("data-log-example", directory.file("log"))
    #expect(run.output == "DROPPED no URL\nEXHAUSTED the only copy\n", "\(run.errors)")
    #expect(directory.read("log/data.log").split(separator: "\n").count == 2)
  }
}
