import MEDCore
import Testing

@testable import MEDBeanstalk

@Suite("Protocol: commands")
struct CommandTests {
  private func wire(_ command: Command) -> String {
    var buffer = OutputBuffer()
    buffer.append(command)
    return String(decoding: buffer.bytes, as: UTF8.self)
  }

  @Test func `each command is written as the protocol has it`() throws {
    let tube = try tube("order_paid/sub-queue/352")
    #expect(wire(.put(body: bytes("abc"), priority: 1024, delay: 10, timeToRun: 60)) == "put 1024 10 60 3\r\nabc\r\n")
    #expect(wire(.put(body: [], priority: 0, delay: .max, timeToRun: 1)) == "put 0 4294967295 1 0\r\n\r\n")
    #expect(wire(.use(tube)) == "use order_paid/sub-queue/352\r\n")
    #expect(wire(.reserve) == "reserve\r\n")
    #expect(wire(.reserveWithTimeout(seconds: 0)) == "reserve-with-timeout 0\r\n")
    #expect(wire(.reserveJob(3)) == "reserve-job 3\r\n")
    #expect(wire(.delete(.max)) == "delete 18446744073709551615\r\n")
    #expect(wire(.release(1, priority: 2, delay: 3)) == "release 1 2 3\r\n")
    #expect(wire(.bury(1, priority: 1024)) == "bury 1 1024\r\n")
    #expect(wire(.touch(9)) == "touch 9\r\n")
    #expect(wire(.watch(tube)) == "watch order_paid/sub-queue/352\r\n")
    #expect(wire(.ignore(tube)) == "ignore order_paid/sub-queue/352\r\n")
    #expect(wire(.peek(0)) == "peek 0\r\n")
    #expect(
      wire(.peekReady) + wire(.peekDelayed) + wire(.peekBuried) == "peek-ready\r\npeek-delayed\r\npeek-buried\r\n")
    #expect(wire(.kick(bound: 10)) == "kick 10\r\n")
    #expect(wire(.kickJob(10)) == "kick-job 10\r\n")
    #expect(wire(.statsJob(10)) == "stats-job 10\r\n")
    #expect(wire(.statsTube(tube)) == "stats-tube order_paid/sub-queue/352\r\n")
    #expect(wire(.stats) + wire(.listTubes) == "stats\r\nlist-tubes\r\n")
    #expect(wire(.listTubeUsed) + wire(.listTubesWatched) == "list-tube-used\r\nlist-tubes-watched\r\n")
    #expect(wire(.pauseTube(tube, seconds: 5)) == "pause-tube order_paid/sub-queue/352 5\r\n")
    #expect(wire(.quit) == "quit\r\n")
  }
}

@Suite("Protocol: statistics")
struct StatisticsTests {
  @Test func `what stats says is read, quoted or not`() {
    let yaml = """
      ---
      current-jobs-ready: 3
      current-jobs-reserved: 4
      current-jobs-delayed: 5
      current-jobs-buried: 6
      max-job-size: 1048576
      current-tubes: 7
      version: "1.12"
      draining: true
      id: 5c2ab1ea6b2aa4d8
      os: "#1 SMP: x"
      """
    var expected = ServerStatistics()
    expected.instance = "5c2ab1ea6b2aa4d8"
    expected.version = "1.12"
    expected.ready = 3
    expected.reserved = 4
    expected.delayed = 5
    expected.buried = 6
    expected.tubes = 7
    expected.draining = true
    expected.maxJobSize = 1_048_576
    #expect(ServerStatistics(yaml: bytes(yaml)) == expected)
  }

  @Test func `what stats-tube and stats-job say is read`() {
    let tubeYAML = """
      ---
      name: "a"
      current-jobs-ready: 1
      current-jobs-reserved: 2
      current-jobs-delayed: 3
      current-jobs-buried: 4
      current-using: 5
      current-watching: 6
      current-waiting: 7
      """
    let tube = TubeStatistics(yaml: bytes(tubeYAML))
    #expect([tube.ready, tube.reserved, tube.delayed, tube.buried] == [1, 2, 3, 4])
    #expect([tube.using, tube.watching, tube.waiting] == [5, 6, 7])
    let job = JobStatistics(
      yaml: bytes("---\nid: 1\ntube: \"a/b\"\nstate: delayed\npri: 1024\ntime-left: 9\nttr: 60\n"))
    #expect(job.tube == "a/b")
    #expect(job.state == .delayed)
    #expect(job.timeLeft == 9)
  }

  @Test(arguments: [
    "", "---", "---\n", ":::", "a:b:c\n\n: \n", "id", "id:\n", "max-job-size: 99999999999999999999\n", "\0\u{ff}\n",
  ])
  func `what isn't the YAML of a server leaves the defaults`(_ text: String) {
    #expect(ServerStatistics(yaml: bytes(text)) == ServerStatistics())
    #expect(JobStatistics(yaml: bytes(text)) == JobStatistics())
    #expect(YAML.list(bytes(text)).isEmpty)
  }

  @Test func `numbers that no server can have are cut, so that sums of them stay numbers`() {
    let yaml = bytes(
      "current-jobs-ready: \(Int.max)\ncurrent-jobs-buried: \(Int.max)\ncurrent-jobs-delayed: \(Int.min)\n")
    let server = ServerStatistics(yaml: yaml)
    #expect(server.ready + server.buried == 2_000_000_000_000)
    #expect(server.ready + server.delayed == 0)
    #expect(TubeStatistics(yaml: yaml).ready == 1_000_000_000_000)
    #expect(JobStatistics(yaml: bytes("age: \(Int.max)\n")).age == 1_000_000_000_000)
  }

  @Test func `a table has all that is said, without quotes, and the last of two that are the same`() {
    let table = StatisticsTable(yaml: bytes("---\ncmd-put: 3\nos: \"#1: x\"\nempty:\ncmd-put: 4\nno colon\n"))
    #expect(table.values == ["cmd-put": "4", "os": "#1: x", "empty": ""])
    #expect(table.number("cmd-put") == 4)
    #expect(table.number("os") == nil)
    #expect(table["other"] == nil)
  }

  @Test func `a list of tubes is read`() {
    #expect(YAML.list(bytes("---\n- default\n- \"a/b\"\n- -x\n")) == ["default", "a/b", "-x"])
  }
}

@Suite("§17 QueueServerAddr")
struct AddressTests {
  @Test func `addresses are read from a list with commas`() throws {
    let list = try QueueServerAddress.list(" 10.0.0.1:11301, queue-2 ,[::1]:5,")
    #expect(
      list == [
        QueueServerAddress(host: "10.0.0.1", port: 11301), QueueServerAddress(host: "queue-2", port: 11300),
        QueueServerAddress(host: "::1", port: 5),
      ])
    #expect(try BeanstalkQueue(servers: ["a:1", "b:2,c"]).servers.map(\.description) == ["a:1", "b:2", "c:11300"])
    #expect(try QueueServerAddress(parsing: "::1") == QueueServerAddress(host: "::1"))
  }

  @Test(arguments: [
    "", ",", "host:", "host:0", "host:65536", "host:x", ":11300", "a b:1", "[::1", "[::1]x", "host:+5", "http://a:1",
  ])
  func `what is no address is an error that names it`(_ text: String) {
    let error = #expect(throws: BeanstalkError.self) { try QueueServerAddress.list(text) }
    #expect(error?.code == .badAddress)
    #expect(error?.message.contains("\"\(text)\"") == true)
  }
}

@Suite("Reconnecting")
struct BackoffTests {
  @Test func `pauses double from the first to the longest, less up to a half`() {
    var generator = SplitMix(seed: 3)
    var backoff = Backoff(.milliseconds(50)...Duration.seconds(5))
    var full = Duration.milliseconds(50)
    for _ in 0..<20 {
      let pause = backoff.pause(using: &generator)
      #expect(pause <= full)
      #expect(pause >= full / 2)
      full = min(full * 2, .seconds(5))
    }
    backoff.reset()
    #expect(backoff.pause(using: &generator) <= .milliseconds(50))
  }
}
