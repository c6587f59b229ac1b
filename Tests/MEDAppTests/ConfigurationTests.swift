import Testing

@testable import MEDApp

@Suite("§16 Config errors")
struct ConfigurationTests {
  private func errors(_ text: String, environment: [String: String] = [:]) -> [String] {
    do {
      _ = try Configuration.parse(text, path: "c.toml", environment: environment)
      return []
    } catch {
      return error.diagnostics.filter { $0.severity == .error }.map(\.description)
    }
  }

  private func warnings(_ text: String) throws -> [String] {
    try Configuration.parse(text, path: "c.toml").diagnostics.filter { $0.severity == .warning }.map(\.description)
  }

  @Test func `a number out of bounds names file, line, key, what was found and what is allowed`() {
    #expect(
      errors("\n\nListenersOfMainQueue = 0\n")
        == ["c.toml:3: error: ListenersOfMainQueue: found 0, allowed 1 ... 64 listeners"])
  }

  @Test(arguments: [
    ("SplitLog = \"yes\"", "found \"yes\", allowed true or false"),
    ("SplitLog = 1", "found 1, allowed true or false"),
    ("SendersPerChannel = \"5\"", "found \"5\", allowed 1 ... 100000 pushes"),
    ("SendersPerChannel = 1.5", "found the fraction 1.5"),
    ("SendersPerChannel = [1]", "found an array"),
    ("SendersPerChannel = 2026-01-01", "found a date"),
    ("MaxMessageProcessTime = 0", "allowed 1 ... 3600000 milliseconds"),
    ("InFlightState = \"kept\"", "allowed \"buried\", \"reserved\""),
    ("QueueServerType = \"redis\"", "found \"redis\", allowed \"beanstalk\""),
    ("NameOfMainQueue = \"-x\"", "allowed a tube name"),
    ("NameOfMainQueue = \"a b\"", "allowed a tube name"),
    ("LOG_DIR = \"log\"", "allowed an absolute path"),
    ("LOG_DIR = \"/a\\nb\"", "found control characters"),
    ("ListenAddr = \"127.0.0.1\"", "allowed \"host:port\""),
    ("ListenAddr = \"127.0.0.1:70000\"", "allowed \"host:port\""),
    ("QueueServerAddr = \"\"", "found 0 of them"),
    ("QueueServerAddr = \"a:1,a:1\"", "found \"a:1\" twice"),
    ("QueueServerAddr = \"a:b\"", "found \"a:b\""),
    ("QueueServerAddr = \"::1:11300\"", "found \"::1:11300\""),
  ])
  func `a wrong value says what was found and what is allowed`(line: String, part: String) {
    let found = errors(line)
    #expect(found.count == 1)
    #expect(found.first?.contains(part) == true, "\(found)")
  }

  @Test func `all errors are told at once, in the order of the file`() {
    let found = errors("SplitLog = 1\n[Redis]\nDbIndex = -1\n[Push]\nVerifyTLS = 0\n")
    #expect(found.map { $0.prefix(9) } == ["c.toml:1:", "c.toml:3:", "c.toml:5:"])
  }

  @Test func `what is no TOML is told with line and column`() {
    let found = errors("SplitLog = true\nListenAddr = \n")
    #expect(found.count == 1)
    #expect(found.first?.hasPrefix("c.toml:2: error: column ") == true, "\(found)")
  }

  @Test func `a NUL byte doesn't cut the file short`() {
    #expect(errors("SplitLog = true\n\0SplitLog = 5") == ["c.toml:2: error: column 1: a NUL byte"])
  }

  @Test func `a key that stands twice is an error`() {
    #expect(errors("SplitLog = true\nSplitLog = true\n").count == 1)
  }

  @Test func `a file that isn't there is an error that names it`() {
    let error = #expect(throws: ConfigurationError.self) { try Configuration.load("/nowhere/c.toml", environment: [:]) }
    #expect(error?.description == "/nowhere/c.toml: error: can't open /nowhere/c.toml: No such file or directory")
  }

  @Test func `secrets are not shown`() {
    let found = errors("[Admin]\nToken = \"hunter 2\"\n")
    #expect(found.count == 1)
    #expect(found.first?.contains("hunter") == false)
  }

  @Test func `an admin address that others can reach needs a token, from the file or the environment`() throws {
    let text = "[Admin]\nAddr = \"0.0.0.0:5680\"\n"
    #expect(errors(text).first?.contains("needs a Token") == true)
    #expect(errors(text, environment: ["MEDISPATCHER_ADMIN_TOKEN": "t"]).isEmpty)
    #expect(errors(text + "Token = \"t\"\n").isEmpty)
  }

  @Test(arguments: [
    ("SendersPerChanel = 1", "SendersPerChanel: unknown key, did you mean SendersPerChannel?"),
    ("log_dir = \"/x\"", "log_dir: unknown key, did you mean LOG_DIR?"),
    ("VerifyTLS = false", "VerifyTLS: unknown key, did you mean [Push] VerifyTLS?"),
    ("[Push]\nVerifyTls = true", "[Push] VerifyTls: unknown key, did you mean VerifyTLS?"),
    ("[Redis]\nSplitLog = true", "[Redis] SplitLog: unknown key, did you mean SplitLog at the top, before all tables?"),
    ("[Redi]\nDbIndex = 1", "[Redi]: unknown table, did you mean [Redis]?"),
    ("Zzzzzzzzzzzz = 1", "Zzzzzzzzzzzz: unknown key"),
  ])
  func `an unknown key warns with the nearest known one`(text: String, message: String) throws {
    let found = try warnings(text)
    #expect(found.count == 1)
    #expect(found.first?.hasSuffix(message) == true, "\(found)")
  }

  @Test func `defaults above their bound are lowered, with a warning if the file has them`() throws {
    let text = "MaxSendersPerChannel = 5\nSendersPerChannel = 8\nMaxMessageProcessTime = 1000\n"
    let configuration = try Configuration.parse(text, path: "c.toml")
    #expect(configuration.settings.sendersPerChannel == 5)
    #expect(configuration.settings.defaultProcessTime == .seconds(1))
    #expect(configuration.diagnostics.map(\.key) == ["SendersPerChannel"])
  }

  @Test func `a mysql store without a database name is an error`() {
    #expect(errors("[Database]\nHost = \"h\"\n").first?.contains("[Database] DbName") == true)
    #expect(errors("[Database]\nHost = \"h\"\n[Store]\nType = \"sqlite\"\n").isEmpty)
  }

  @Test func `a [Database] table means mysql, none means sqlite in DATA_DIR`() throws {
    let with = try Configuration.parse("[Database]\nDbName = \"d\"\nMaxConn = 7\n", path: "c").settings
    #expect(with.storeType == .mysql)
    #expect(with.database.maximumConnections == 7)
    let without = try Configuration.parse("DATA_DIR = \"/d/\"\n", path: "c").settings
    #expect(without.storeType == .sqlite)
    #expect(without.storePath == "/d/medispatcher.sqlite")
  }

  @Test func `[Database] becomes what is connected with, and its password is in no description`() throws {
    let text = """
      [Database]
      Host = "db.internal"
      Port = 3307
      User = "u"
      Password = "${PW}"
      DbName = "d"
      Options = "readTimeout=5s&charset=utf8mb4,utf8&parseTime=true"
      MaxConn = 7
      """
    let configuration = try Configuration.parse(text, path: "c", environment: ["PW": "s3cret"])
    #expect(configuration.diagnostics.isEmpty)
    let database = configuration.settings.mysql
    #expect(database.description == "mysql u@db.internal:3307/d, at most 7 connections")
    #expect(database.password == "s3cret")
    #expect(database.options.readTimeout == .seconds(5))
    #expect(database.options.writeTimeout == .seconds(20))
  }

  @Test func `options of a database that aren't known are warnings with the nearest name, and without their value`()
    throws
  {
    let text = "[Database]\nDbName = \"d\"\nOptions = \"readTimeOut=s3cret&tls=yes&passwort=s3cret\"\n"
    let found = try warnings(text)
    #expect(found.count == 3)
    #expect(
      found.first?.hasSuffix("[Database] Options: readTimeOut: unknown option, ignored, did you mean readTimeout?")
        == true)
    #expect(found.last?.hasSuffix("[Database] Options: passwort: unknown option, ignored") == true)
    #expect(!found.joined().contains("s3cret"))
    #expect(try warnings("[Store]\nType = \"sqlite\"\n" + text).isEmpty, "nothing depends on them then")
  }

  @Test func `an authority of the database that can't be read is told before a start`() throws {
    let text = "[Database]\nDbName = \"d\"\nOptions = \"tlsCA=/nowhere/ca.pem\"\n"
    let problems = try Configuration.parse(text, path: "c").fileProblems()
    #expect(problems.map(\.line) == [3])
    #expect(problems.first?.message.contains("/nowhere/ca.pem") == true)
  }

  @Test func `of two spellings of one key the first-named counts, with a warning`() throws {
    let text = "[Database]\nDbName = \"d\"\nMaxConns = 3\nMaxConn = 7\n"
    #expect(try Configuration.parse(text, path: "c").settings.database.maximumConnections == 3)
    #expect(try warnings(text).count == 1)
  }

  @Test func `the reload list names exactly what differs`() throws {
    let new = try Configuration.parse("SendersPerChannel = 2\n[Log]\nLevel = \"debug\"\n", path: "c").settings
    let differences = new.differences(from: Settings())
    #expect(differences.map(\.path) == ["SendersPerChannel", "Log.Level"])
    #expect(differences.allSatisfy { $0.effect == .live })
  }

  @Test(arguments: [
    "", "\u{feff}", "=", "[", "[[", "]", "[a]]\n=", "\"", "'''", "a = '''", "a = \"\"\"\n[Push]", "a.b.c.d = [[[[",
    "\r\n\r",
    "[Push]\n[Push]", "\"\" = 1", "[Push.\"\"]\n\"\" = 1", "Push = 1", "Push.VerifyTLS = 1", "AlerterEmail = 3",
    "[AlerterEmail]\nPostFieldsMap = 3",
  ])
  func `any text gives a result or errors`(text: String) {
    let found = errors(text)
    _ = KeyLines(text).line(of: "Push.VerifyTLS")
    if text == "Push.VerifyTLS = 1" {
      #expect(found == ["c.toml:1: error: [Push] VerifyTLS: found 1, allowed true or false"])
    }
    if text == "Push = 1" { #expect(found == ["c.toml:1: error: [Push]: found 1, it must be a table"]) }
  }
}

@Suite("§17 Values of config keys")
struct ConfigValueTests {
  @Test func `a config of an older installation loads without a word`() throws {
    let text = """
      DAEMON_USER="root"
      LOG_DIR="/tmp/x/log/"
      DATA_DIR="/tmp/x/data/"
      DropMessageLogDir="/tmp/x/drop/"
      SplitLog=true
      RunAtBench=false
      ListenAddr="127.0.0.1:27301"
      DebugAddr="127.0.0.1:27302"
      StatisticApiAddr="127.0.0.1:27303"
      PrometheusApiAddr="127.0.0.1:27304"
      QueueServerType="beanstalk"
      QueueServerAddr="127.0.0.1:27300"
      QueueServerPoolListenConnCount=2
      QueueServerPoolCmdConnCount=2
      NameOfMainQueue="bench-main"
      PrefixOfChannelQueue="sub-queue/"
      ListenersOfMainQueue=5
      MaxSendersPerChannel=2000
      SendersPerChannel=5
      MaxSendersPerRetryChannel=1000
      SendersPerRetryChannel=2
      IntervalOfSendingForSendRoutine=0
      MaxMessageProcessTime=30000
      DefaultMaxMessageProcessTime=5000
      CoeOfIntervalForRetrySendingMsg=0
      MaxRetryTimesOfSendingMessage=30
      EnableMsgSentLog=false
      MsgQueueFaultToleranceListNamePrefix="bench_recover_list:"

      [Database]
      Host="127.0.0.1"
      Port=3306
      User="bench"
      Password="bench"
      DbName="jm_event"
      Options="readTimeout=20s&writeTimeout=20s"
      MaxConns=10

      [Redis]
      Addr="127.0.0.1:6379"
      DbIndex=4
      """
    let configuration = try Configuration.parse(text, path: "c")
    #expect(configuration.diagnostics.filter { $0.severity != .info }.isEmpty)
    let settings = configuration.settings
    #expect(settings.logDirectory == "/tmp/x/log")
    #expect(settings.queueServers.map(\.description) == ["127.0.0.1:27300"])
    #expect(settings.redis.databaseIndex == 4)
    #expect(settings.retryCoefficient == 0)
    #expect(settings.subscriptionDefaults.maxSendersPerChannel == 2000)
  }

  @Test func `queue servers may leave the port out and may be IPv6`() throws {
    let text = "QueueServerAddr = \"a, b:1, [::1], [fe80::1]:2,\"\n"
    let servers = try Configuration.parse(text, path: "c").settings.queueServers
    #expect(servers.map(\.description) == ["a:11300", "b:1", "[::1]:11300", "[fe80::1]:2"])
  }

  @Test func `an address may leave the host out, or be empty for off`() throws {
    let settings = try Configuration.parse("ListenAddr = \":5601\"\nDebugAddr = \"\"\n", path: "c").settings
    #expect(settings.rpcAddress == ListenAddress(host: "0.0.0.0", port: 5601))
    #expect(settings.debugAddress == nil)
  }

  @Test func `environment variables are put in, missing ones are named`() throws {
    let text = "[Redis]\nPassword = \"a${P}b$${P}\"\n"
    let redis = try Configuration.parse(text, path: "c", environment: ["P": "secret"]).settings.redis
    #expect(redis.password == "asecretb${P}")
    let error = #expect(throws: ConfigurationError.self) { try Configuration.parse(text, path: "c") }
    #expect(error?.description == "c:2: error: [Redis] Password: the environment variable P is not set")
  }

  @Test(arguments: ["${", "${}", "${A B}", "${1A}", "x${A"])
  func `a malformed substitution is an error`(text: String) {
    #expect(throws: EnvironmentSubstitution.Failure.self) {
      try EnvironmentSubstitution.apply(to: text, ["A": "1", "": "2"])
    }
  }

  @Test func `lines are found behind strings and arrays that go on over lines`() {
    let lines = KeyLines(
      "a = '''\n[Push]\n'''\nb = [ # ]\n 1,\n]\n[Push]\r\n \"VerifyTLS\" = 1\n[x . y]\nz=\"#\"\nlast = 1")
    #expect(lines.line(of: "b") == 4)
    #expect(lines.line(of: "Push") == 7)
    #expect(lines.line(of: "Push.VerifyTLS") == 8)
    #expect(lines.line(of: "x.y.z") == 10)
    #expect(lines.line(of: "x.y.last") == 11)
    #expect(lines.line(of: "nothing") == nil)
  }
}
