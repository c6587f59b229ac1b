import MEDTestSupport
import Testing

@Suite("§5 §6 Push: targets, TLS and proxies, as configured", .showsServerOutput)
struct PushTargetTests {
  private func subscribe(
    _ system: SystemHarness, urls: [String], parameters: [String: String] = [:]
  ) async throws -> Int {
    let id = try await system.store.addSubscription(
      topic: SystemHarness.topic, urls: urls, subscriber: "s", parameters: parameters)
    system.ledger.add(subscription: id, topic: SystemHarness.topic, path: "/")
    return id
  }

  @Test func `a URL that refuses is passed over, and used again when it is back`() async throws {
    let system = try await SystemHarness.start()
    let other = try TestReceiver()
    _ = try await subscribe(system, urls: [system.receiver.url(), other.url()], parameters: ["Concurrency": "1"])
    try system.publish(0..<20)
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    #expect(system.receiver.count() == 10 && other.count() == 10)

    other.refuse()
    other.forget()
    try system.publish(20..<220)
    try await system.waitUntilEmpty()
    #expect(system.receiver.count() == 210)
    #expect(system.records.isEmpty)

    try other.accept()
    var number = 220
    try await eventually("it is used again, for half of the pushes", within: .seconds(60), every: .milliseconds(200)) {
      other.forget()
      try system.publish(number..<number + 10)
      number += 10
      try await system.waitUntilEmpty()
      return other.count() == 5
    }
    #expect(try await system.stopDispatcher() == .code(0))
  }

  @Test func `the last URL that there is stays in use while it refuses`() async throws {
    let system = try await SystemHarness.start(settings: ["MaxRetryTimesOfSendingMessage": "30"])
    let id = try await subscribe(system, urls: [system.receiver.url()])
    system.receiver.refuse()
    try system.publish(0..<20)
    try await system.startDispatcher()
    try await eventually("all have failed", within: .seconds(20)) {
      try system.server.client().jobs(in: SystemHarness.channel(id) + "/FAIL").all == 20
    }
    try system.receiver.accept()
    try await system.waitUntilEmpty()
    #expect(system.receiver.count() == 20)
    #expect(system.records.isEmpty)
  }

  @Test(arguments: [429, 503]) func `Retry-After lengthens the delay on the queue server`(status: Int) async throws {
    let system = try await SystemHarness.start()
    let id = try await system.subscribe { _ in
      .refuse(.status(status, headers: [("Retry-After", "3600")]))
    }
    try system.publish(0..<1)
    try await system.startDispatcher()
    let retries = SystemHarness.channel(id) + "/FAIL"
    try await eventually("it waits in the retry channel", within: .seconds(20)) {
      try system.server.client().jobs(in: retries).delayed == 1 && system.server.jobs().all == 1
    }
    let job = try #require(try system.server.everyJob().first { $0.tube == retries })
    #expect(job.delay == 3600)
  }

  @Test func `without a URL that qualifies messages are recorded, with one warning`() async throws {
    let system = try await SystemHarness.start(settings: ["RECEPTION_ENV": "\"green\""])
    let id = try await subscribe(system, urls: ["[T_ENV:blue]\(system.receiver.url())"])
    try system.publish(0..<100)
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    let records = system.records("DROPPED")
    #expect(records.count == 100 && system.records.count == 100)
    #expect(Set(records.compactMap { MessageMark.find(in: $0.payload) }) == Set(0..<100))
    #expect(records.allSatisfy { $0.subscription == id && $0.reason.contains("no URL") })
    #expect(system.receiver.count() == 0)
    let warnings = system.log("warn").split(separator: "\n").filter { $0.contains("no URL to push to") }
    #expect(warnings.count == 1)
    #expect(try system.missing().isEmpty)
  }

  @Test func `https subscribers are pushed to with CAFile, and not without`() async throws {
    let certificates = try await TestCertificates()
    let subscriber = try await PythonServer.tls(
      certificate: certificates.certificate(.valid), key: certificates.key(.valid))
    let url = "https://bob:s3cret@127.0.0.1:\(subscriber.port)/"

    let trusting = try await SystemHarness.start(tables: "[Push]\nCAFile = \"\(certificates.authority)\"\n")
    _ = try await subscribe(trusting, urls: [url])
    try trusting.publish(0..<10)
    try await trusting.startDispatcher()
    try await trusting.waitUntilEmpty()
    #expect(subscriber.seen.count == 10)
    #expect(trusting.records.isEmpty)

    let strict = try await SystemHarness.start(
      settings: ["MaxRetryTimesOfSendingMessage": "0", "EnableMsgSentLog": "true"])
    _ = try await subscribe(strict, urls: [url])
    try strict.publish(0..<1)
    try await strict.startDispatcher()
    try await strict.waitUntilEmpty()
    #expect(subscriber.seen.count == 10)
    let reason = try #require(strict.records("EXHAUSTED").first?.reason)
    #expect(
      reason.contains("https://***@127.0.0.1:\(subscriber.port)/: ") && reason.contains("certificate"), "\(reason)")
    #expect(strict.log("data").contains(" SENT ") && !strict.log("data").contains("s3cret"))

    let lax = try await SystemHarness.start(tables: "[Push]\nVerifyTLS = false\n")
    _ = try await subscribe(lax, urls: [url])
    try lax.publish(0..<1)
    try await lax.startDispatcher()
    try await lax.waitUntilEmpty()
    #expect(subscriber.seen.count == 11)
  }

  @Test func `a CAFile that can't be used is said at the start, with its line`() async throws {
    for (content, cause) in [(nil, "No such file"), ("no certificate", "holds no certificate")] as [(String?, String)] {
      let place = try TemporaryDirectory("ca")
      if let content { try place.write(content, to: "ca.pem") }
      let system = try await SystemHarness.start(tables: "[Push]\nCAFile = \"\(place.file("ca.pem"))\"\n")
      for arguments in [["--check-config", "-f", system.config], ["-f", system.config]] {
        let finished = try await ServerProcess.run(BuiltBinary.path("medispatcher"), arguments)
        #expect(finished.status == .code(78))
        let text = finished.output + finished.errors
        #expect(text.contains("error: [Push] CAFile: ") && text.contains(cause), "\(text)")
        #expect(text.contains("config.toml:"))
      }
    }
  }

  @Test func `pushes go through the configured proxy, and its password into no log`() async throws {
    let proxy = try await PythonServer.proxy(credentials: "bob:s3cret")
    let good = try await SystemHarness.start(
      settings: ["EnableMsgSentLog": "true"], tables: "[Push]\nProxy = \"http://bob:s3cret@127.0.0.1:\(proxy.port)\"\n")
    try await good.subscribe()
    try good.publish(0..<10)
    try await good.startDispatcher()
    try await good.waitUntilEmpty()
    #expect(proxy.seen.count == 10 && good.receiver.count() == 10)

    let broken = try await SystemHarness.start(
      settings: ["EnableMsgSentLog": "true", "MaxRetryTimesOfSendingMessage": "0"],
      tables: "[Push]\nProxy = \"http://bob:s3cret@127.0.0.1:\(try FreePort.next())\"\n")
    try await broken.subscribe()
    try broken.publish(0..<1)
    try await broken.startDispatcher()
    try await broken.waitUntilEmpty()
    #expect(broken.records("EXHAUSTED").count == 1)
    for system in [good, broken] {
      #expect(try await system.stopDispatcher() == .code(0))
      for log in ["info", "warn", "error", "debug", "data"] {
        #expect(!system.log(log).contains("s3cret"), "\(log)")
      }
    }
  }

  @Test func `cloud metadata isn't pushed to, and the record says why`() async throws {
    let system = try await SystemHarness.start(settings: ["MaxRetryTimesOfSendingMessage": "0"])
    _ = try await subscribe(system, urls: ["http://169.254.169.254/latest/meta-data"])
    try system.publish(0..<1)
    try await system.startDispatcher()
    try await system.waitUntilEmpty()
    let reason = try #require(system.records("EXHAUSTED").first?.reason)
    #expect(reason.contains("the address 169.254.169.254 is in a denied network"), "\(reason)")
  }
}
