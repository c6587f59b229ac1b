import Glibc
import MEDTestSupport
import Testing

@Suite("Test support: servers", .showsServerOutput)
struct ServerSupportTests {
  @Test func `a beanstalkd with a binlog keeps its jobs over a crash, and its port`() async throws {
    let server = try await BeanstalkdServer.start(binlog: true)
    let client = try server.client()
    try client.put("one", into: "a")
    try client.put("two", into: "b", delay: 100)
    let taken = try #require(try client.reserve(from: "a"))
    #expect(try client.bury(taken.id))
    try await server.crash()
    #expect(throws: SystemError.self) { try server.client() }
    try await server.start()

    #expect(try server.jobs() == JobTotals(delayed: 1, buried: 1))
    let jobs = try server.everyJob()
    #expect(jobs.map(\.tube) == ["a", "b"])
    #expect(jobs.map(\.state) == ["buried", "delayed"])
    #expect(jobs.map { String(decoding: $0.body, as: UTF8.self) } == ["one", "two"])
    #expect(jobs[1].delay == 100)
  }

  @Test func `a beanstalkd without a binlog comes back empty`() async throws {
    let server = try await BeanstalkdServer.start()
    try server.client().put("lost", into: "a")
    let instance = try server.client().stats()["id"]
    try await server.restart()
    #expect(try server.everyJob().isEmpty)
    #expect(try server.client().stats()["id"] != instance)
  }

  @Test func `the plain client walks a job through its states`() async throws {
    let server = try await BeanstalkdServer.start(maxJobSize: 1000)
    let client = try server.client()
    let id = try client.put("work", into: "walk")
    #expect(try client.reserve(from: "walk")?.id == id)
    #expect(try client.reserve(from: "walk") == nil)
    #expect(try client.jobs(in: "walk") == JobTotals(reserved: 1))
    #expect(try client.release(id))
    #expect(try client.stats(job: id)?["state"] == "ready")
    _ = try client.reserve(from: "walk")
    #expect(try client.bury(id))
    #expect(try client.kick(10, in: "walk") == 1)
    #expect(try client.peek(id) == Array("work".utf8))
    #expect(try client.listTubes().contains("walk"))
    #expect(try client.delete(id))
    #expect(try client.peek(id) == nil)
    #expect(try !client.delete(id))
    #expect(throws: Unexpected.self) { try client.put([UInt8](repeating: 0, count: 1001), into: "walk") }
  }

  @Test func `everyJob finds what is left among many ids`() async throws {
    let server = try await BeanstalkdServer.start()
    let client = try server.client()
    for number in 1...1200 {
      let id = try client.put("\(number)", into: "t\(number % 3)")
      if number % 400 != 0 { try client.delete(id) }
    }
    #expect(try server.everyJob().map(\.id) == [400, 800, 1200])
  }

  @Test func `a draining beanstalkd refuses puts`() async throws {
    let server = try await BeanstalkdServer.start()
    try await server.drain()
    #expect(try server.client().ask("put 0 0 1 1", body: [65]) == ["DRAINING"])
  }

  @Test func `a paused server is silent and then goes on`() async throws {
    let server = try await BeanstalkdServer.start()
    server.process.pause()
    let client = try server.client(timeout: .milliseconds(100))
    #expect(throws: SystemError.self) { try client.stats() }
    server.process.resume()
    try await eventually("it answers") { try server.client().listTubes() == ["default"] }
  }

  @Test func `Redis starts, keeps what it is told to keep, and asks for its password`() async throws {
    let server = try await RedisServer.start(keepsData: true, password: "secret")
    #expect(try server.command("RPUSH", "list", "one", "two") == ["2"])
    try await server.restart()
    #expect(try server.command("LRANGE", "list", "0", "-1") == ["one", "two"])
    #expect(throws: Unexpected.self) { try server.command("NOSUCH") }
  }

  @Test func `MariaDB starts, executes, and keeps its data over a restart`() async throws {
    let server = try await MariaDBServer.start()
    try await server.execute("CREATE DATABASE med; CREATE TABLE med.t (n INT); INSERT INTO med.t VALUES (1), (2)")
    try await server.restart()
    #expect(try await server.execute("SELECT n FROM t ORDER BY n", database: "med") == "1\n2\n")
  }

  @Test func `etcd starts and answers its JSON gateway`() async throws {
    let server = try await EtcdServer.start()
    _ = try server.post("/v3/kv/put", #"{"key":"YQ==","value":"Yg=="}"#)
    #expect(try server.post("/v3/kv/range", #"{"key":"YQ=="}"#).contains(#""value":"Yg==""#))
  }
}

@Suite("Test support: processes", .showsServerOutput)
struct ProcessSupportTests {
  @Test func `a command's status, output and errors come back`() async throws {
    let result = try await ServerProcess.run(
      "sh", ["-c", "cat; echo $WORD; echo bad >&2; exit 3"],
      environment: ["WORD": "said"], input: "in ")
    #expect(result.status == .code(3))
    #expect(result.output == "in said\n")
    #expect(result.errors == "bad\n")
  }

  @Test func `a command that doesn't end in time is killed and its output shown`() async throws {
    let error = await #expect(throws: NeverHappened.self) {
      try await ServerProcess.run("sh", ["-c", "echo begun; exec sleep 60"], within: .milliseconds(200))
    }
    #expect(error?.description.contains("begun") == true)
  }

  @Test func `a server that ignores TERM is killed`() async throws {
    let process = try ServerProcess("sh", ["-c", "trap '' TERM; echo deaf; while :; do sleep 0.05; done"])
    try await eventually("it runs") { process.output.contains("deaf") }
    #expect(try await process.stop(within: .milliseconds(200)) == .signal(SIGKILL))
  }

  @Test func `a server ends with its last reference`() async throws {
    var process: ServerProcess? = try ServerProcess("sleep", ["60"])
    let pid = try #require(process?.pid)
    #expect(kill(pid, 0) == 0)
    process = nil
    #expect(kill(pid, 0) == -1)
  }

  @Test func `a server doesn't outlive the process that started it`() async throws {
    // why: a process can only ask for its own death signal
    let asked = try await ServerProcess.run(
      "python3",
      ["-c", "import ctypes; n = ctypes.c_int(); ctypes.CDLL(None).prctl(2, ctypes.byref(n)); print(n.value)"])
    #expect(asked.output == "\(SIGKILL)\n")
  }

  @Test func `a server inherits none of the tests' sockets`() async throws {
    let leaky = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(leaky) }
    let listed = try await ServerProcess.run("sh", ["-c", "readlink /proc/$$/fd/* | grep -c socket"])
    #expect(listed.output == "0\n")
  }

  @Test func `free ports are given once`() throws {
    let ports = try (0..<50).map { _ in try FreePort.next() }
    #expect(Set(ports).count == 50)
  }

  @Test func `a temporary directory goes with its last reference`() throws {
    var directory: TemporaryDirectory? = try TemporaryDirectory()
    let path = try #require(try directory?.write("text", to: "file"))
    #expect(directory?.read("file") == "text")
    #expect(access(path, F_OK) == 0)
    directory = nil
    #expect(access(path, F_OK) == -1)
  }

  @Test func `eventually names what never happened and the last error`() async throws {
    let error = await #expect(throws: NeverHappened.self) {
      try await eventually("pigs fly", within: .milliseconds(20)) { throw Snag() }
    }
    #expect(error?.description.contains("pigs fly") == true)
    #expect(error?.description.contains("Snag") == true)
  }

  @Test func `the built executables are found`() throws {
    #expect(access(try BuiltBinary.path("medispatcher"), X_OK) == 0)
    #expect(throws: Unexpected.self) { try BuiltBinary.path("no-such") }
  }

  private struct Snag: Error {}
}
