import MEDCore
import MEDTestSupport
import Testing

@testable import MEDProducer

@Suite("Producer: the main queue, or else the list", .showsServerOutput)
struct DeliveryTests {
  @Test func `messages are spread over the servers, and nobody watches the tube`() async throws {
    let servers = [try await BeanstalkdServer.start(), try await BeanstalkdServer.start()]
    let list = MemoryList()
    try await withProducer(configuration(servers.map(\.address)), lists: [list]) { producer in
      for number in 0..<10 {
        let publication = try await producer.publish(message(number))
        #expect(publication.inDoubt.isEmpty)
        let server = try #require(servers.first { publication.place == .queued($0.name) })
        #expect(try server.numbers().contains(number))
      }
      for server in servers {
        let tube = try server.client().stats(tube: ProducerConfiguration.defaultMainQueue)
        #expect(tube?["current-watching"] == "0")
      }
    }
    #expect(try servers.flatMap { try $0.numbers() }.sorted() == Array(0..<10))
    #expect(try servers.allSatisfy { try $0.numbers().count == 5 })
    #expect(list.messages.isEmpty)
  }

  @Test func `priority, delay and time to run are the job's too`() async throws {
    let server = try await BeanstalkdServer.start()
    var configuration = try configuration([server.address])
    configuration.timeToRun = 7
    var late = message(1)
    late.delay = 100
    late.priority = 3
    let published = late
    try await withProducer(configuration) { _ = try await $0.publish(published) }
    let job = try #require(try server.everyJob().first)
    #expect(job.state == "delayed" && job.delay == 100)
    #expect(try server.client().stats(job: job.id)?["pri"] == "3")
    #expect(try server.client().stats(job: job.id)?["ttr"] == "7")
  }

  @Test func `a server that is down costs nothing, and comes back by itself`() async throws {
    let servers = [try await BeanstalkdServer.start(), try await BeanstalkdServer.start()]
    try await servers[0].stop()
    try await withProducer(configuration(servers.map(\.address))) { producer in
      for number in 0..<6 { try await producer.publish(message(number)) }
      #expect(try servers[1].numbers() == Array(0..<6))
      try await servers[0].start()
      try await eventually("it is used again", within: .seconds(30)) {
        try await producer.publish(message(100)).place == .queued(servers[0].name)
      }
    }
  }

  @Test func `a hanging server holds up one publish, not every one`() async throws {
    let servers = [try await BeanstalkdServer.start(), try await BeanstalkdServer.start()]
    try await withProducer(configuration(servers.map(\.address)), lists: [MemoryList()]) { producer in
      for number in 0..<2 { try await producer.publish(message(number)) }
      servers[0].process.pause()
      var doubted = 0
      for number in 2..<40 {
        let publication = try await producer.publish(message(number))
        #expect(publication.place == .queued(servers[1].name))
        doubted += publication.inDoubt == [servers[0].address] ? 1 : 0
      }
      #expect(doubted == 1)
      // What it was sent it stores once it goes on: that one message is there twice, and no other.
      servers[0].process.resume()
      try await eventually("the put is carried out", within: .seconds(20)) {
        try servers.map { try $0.numbers().count }.reduce(0, +) == 41
      }
      #expect(try Set(servers.flatMap { try $0.numbers() }) == Set(0..<40))
    }
  }

  @Test func `a server that hangs from the start is waited for once`() async throws {
    let hanging = try await BeanstalkdServer.start()
    hanging.process.pause()
    let list = MemoryList()
    try await withProducer(configuration([hanging.address]), lists: [list]) { producer in
      for number in 0..<20 {
        let publication = try await producer.publish(message(number))
        #expect(publication == Publication(.listed(list.name)))
      }
      // It was never sent anything.
      hanging.process.resume()
      try await eventually("it is used", within: .seconds(30)) {
        try await producer.publish(message(20)).place == .queued(hanging.name)
      }
    }
    #expect(try Set(hanging.numbers()) == [20])
  }

  @Test func `a put answered BURIED is stored, and kicked`() async throws {
    let server = try await BeanstalkdServer.start()
    let proxy = try FaultProxy(to: server)
    // Buries the job before it says so.
    proxy.add(
      .custom(.toClient) { piece in
        guard let range = piece.firstRange(of: Array("INSERTED 1\r\n".utf8)), let witness = try? server.client(),
          let job = try? witness.reserve(from: ProducerConfiguration.defaultMainQueue),
          (try? witness.bury(job.id)) != nil
        else { return .forward }
        return .replace(Array(piece[..<range.lowerBound] + Array("BURIED 1\r\n".utf8) + piece[range.upperBound...]))
      })
    try await withProducer(configuration([proxy.address])) { producer in
      let publication = try await producer.publish(message(0))
      #expect(publication.inDoubt.isEmpty)
      let buries = try server.client().stats(job: 1)?["buries"]
      #expect(buries == "1")
      try await eventually("kicked") { try server.jobs() == JobTotals(ready: 1) }
      try await producer.publish(message(1))
    }
    #expect(try server.numbers() == [0, 1])
  }

  @Test func `many at once that meet a hanging server all get through, each named in doubt if it is`() async throws {
    let hanging = try await BeanstalkdServer.start()
    let other = try await BeanstalkdServer.start()
    let producer = try await Producer.start(
      configuration([hanging.address, other.address]), lists: [MemoryList()])
    for number in 50..<52 { try await producer.publish(message(number)) }
    hanging.process.pause()
    let publications = try await publishTogether(0..<50, with: producer).mapValues { try $0.get() }
    await producer.close()
    let doubtful = publications.filter { !$0.value.inDoubt.isEmpty }
    #expect(doubtful.values.allSatisfy { $0.inDoubt == [hanging.address] })
    // Of what it was sent it stores some once it goes on, until it sees that nobody listens any more.
    hanging.process.resume()
    try await eventually("it has seen the end", within: .seconds(20)) {
      try hanging.client().stats()["current-producers"] == "0"
    }
    let found = try hanging.numbers() + other.numbers()
    #expect(Set(found) == Set(0..<52))
    let twice = Dictionary(grouping: found) { $0 }.filter { $0.value.count > 1 }.keys
    #expect(Set(doubtful.keys).isSuperset(of: twice))
  }

  @Test func `a draining server is passed over`() async throws {
    let servers = [try await BeanstalkdServer.start(), try await BeanstalkdServer.start()]
    try await servers[0].drain()
    try await withProducer(configuration(servers.map(\.address))) { producer in
      let results = await producer.publish((0..<200).map { message($0) })
      #expect(results.places.count == 200)
      #expect(try servers[1].numbers().sorted() == Array(0..<200))
      try await servers[1].drain()
      let error = await #expect(throws: ProducerError.self) { try await producer.publish(message(200)) }
      #expect(error?.code == .nowhere)
      #expect(error?.attempts.map(\.reason) == ["answered DRAINING", "answered DRAINING"])
    }
  }

  @Test func `a server without memory is passed over`() async throws {
    let servers = [try await BeanstalkdServer.start(), try await BeanstalkdServer.start()]
    try await starve(servers[0])
    try await withProducer(configuration(servers.map(\.address))) { producer in
      for number in 0..<4 {
        let publication = try await producer.publish(message(number, padding: 900_000))
        #expect(publication == Publication(.queued(servers[1].name)))
      }
    }
    #expect(try servers[1].numbers() == Array(0..<4))
    #expect(try servers[0].numbers().isEmpty)
  }

  @Test func `JOB_TOO_BIG is final, whoever says it, and nothing comes on the list`() async throws {
    let server = try await BeanstalkdServer.start(maxJobSize: 1000)
    let list = MemoryList()
    try await withProducer(configuration([server.address]), lists: [list]) { producer in
      let results = await producer.publish([message(0), message(1, padding: 1000), message(2)])
      #expect(results.places.count == 2)
      #expect(results.errors.map(\.code) == [.tooBig])
      #expect(results.errors.first?.disposition == .discard)
      // Known to be too big while the server is away, too.
      try await server.stop()
      let error = await #expect(throws: ProducerError.self) { try await producer.publish(message(1, padding: 1000)) }
      #expect(error?.code == .tooBig)
      try await eventually("others are listed") { try await producer.publish(message(3)).place == .listed(list.name) }
    }
    #expect(list.numbers == [3])
  }

  @Test func `when no server takes it the list does, and when one is back the queue`() async throws {
    let servers = [try await BeanstalkdServer.start(), try await BeanstalkdServer.start()]
    let list = MemoryList()
    try await withProducer(configuration(servers.map(\.address)), lists: [list]) { producer in
      for server in servers { try await server.stop() }
      // What it sends before it has seen that a server is gone may be there.
      try await eventually("it knows that none is there") { try await producer.publish(message(1000)).inDoubt == [] }
      list.forget()
      let results = await producer.publish((0..<100).map { message($0) })
      #expect(results.places == Array(repeating: .listed(list.name), count: 100))
      #expect(results.allSatisfy { (try? $0.get().inDoubt) == [] })
      #expect(list.numbers.sorted() == Array(0..<100))
      try await servers[1].start()
      try await eventually("the queue is used again", within: .seconds(30)) {
        if case .queued = try await producer.publish(message(100)).place { true } else { false }
      }
    }
  }

  @Test func `what is nowhere says so, with everybody who was asked`() async throws {
    let nobody = "127.0.0.1:\(try FreePort.next())"
    try await withProducer(configuration([nobody]), lists: [MemoryList(.refused("OOM"))]) { producer in
      let error = await #expect(throws: ProducerError.self) { try await producer.publish(message(1)) }
      #expect(error?.code == .nowhere)
      #expect(error?.disposition == .retry)
      #expect(error?.attempts.map(\.place) == [nobody, "memory"])
      #expect(error?.attempts.last?.reason == "OOM")
      #expect(error?.attempts.allSatisfy { !$0.isInDoubt } == true)
    }
  }

  @Test func `what may be somewhere says so`() async throws {
    let server = try await BeanstalkdServer.start()
    let proxy = try FaultProxy(to: server)
    try await withProducer(configuration([proxy.address]), lists: [MemoryList(.unanswered("hangs"))]) { producer in
      try await producer.publish(message(0))
      proxy.add(.cut(beforeForwarding: "INSERTED", .toClient))
      let error = await #expect(throws: ProducerError.self) { try await producer.publish(message(1)) }
      #expect(error?.code == .unconfirmed)
      #expect(error?.attempts.map(\.isInDoubt) == [true, true])
      #expect(try server.numbers() == [0, 1])
    }
  }

  @Test func `a put that was answered by nobody goes on the list all the same`() async throws {
    let server = try await BeanstalkdServer.start()
    let proxy = try FaultProxy(to: server)
    let list = MemoryList()
    try await withProducer(configuration([proxy.address]), lists: [list]) { producer in
      try await producer.publish(message(0))
      proxy.add(.cut(beforeForwarding: "INSERTED", .toClient))
      let publication = try await producer.publish(message(1))
      #expect(publication == Publication(.listed(list.name), inDoubt: [proxy.address]))
      #expect(list.numbers == [1])
    }
  }

  @Test func `a message that can't be read holds back no other of its batch`() async throws {
    let server = try await BeanstalkdServer.start()
    try await withProducer(configuration([server.address])) { producer in
      let results = await producer.publish([message(0), Message(topic: "", body: 1), message(2)])
      #expect(results.places.count == 2)
      #expect(results.errors.map(\.code) == [.invalidMessage])
      let numbers = try server.numbers()
      #expect(numbers == [0, 2])
      #expect(await producer.publish([]).isEmpty)
    }
  }

  @Test func `of ten thousand messages none is lost or silently doubled while servers die`() async throws {
    let servers = [
      try await BeanstalkdServer.start(binlog: true, extraArguments: ["-f", "0"]),
      try await BeanstalkdServer.start(binlog: true, extraArguments: ["-f", "0"]),
    ]
    let list = MemoryList()
    try await withProducer(configuration(servers.map(\.address)), lists: [list]) { producer in
      let publishing = Task {
        var results: [Result<Publication, ProducerError>] = []
        for start in stride(from: 0, to: 10_000, by: 500) {
          results += await producer.publish((start..<start + 500).map { message($0) })
        }
        return results
      }
      for round in 0..<6 {
        try await servers[round % 2].crash()
        try await servers[round % 2].start()
      }
      let publications = try await publishing.value.map { try $0.get() }
      let found = try servers.flatMap { try $0.numbers() } + list.numbers
      #expect(Set(found) == Set(0..<10_000))
      // What is there twice was named.
      let doubtful = Set(publications.indices.filter { !publications[$0].inDoubt.isEmpty })
      let twice = Dictionary(grouping: found, by: { $0 }).filter { $0.value.count > 1 }.keys
      #expect(doubtful.isSuperset(of: twice))
    }
  }

  @Test func `once it is closed it takes nothing`() async throws {
    let server = try await BeanstalkdServer.start()
    let producer = try await Producer.start(configuration([server.address]), lists: [])
    try await producer.publish(message(0))
    await producer.close()
    let error = await #expect(throws: ProducerError.self) { try await producer.publish(message(1)) }
    #expect(error?.code == .closed)
    #expect(try server.numbers() == [0])
  }

  @Test func `a configuration that can't be used is refused`() async throws {
    func refuses(_ change: (inout ProducerConfiguration) -> Void) async throws {
      var configuration = try ProducerConfiguration(servers: "127.0.0.1", recoverList: .init(server: "127.0.0.1"))
      change(&configuration)
      let error = await #expect(throws: ProducerError.self) { try await Producer.start(configuration) }
      #expect(error?.code == .badConfiguration)
    }
    #expect(throws: ProducerError.self) { try ProducerConfiguration(servers: "127.0.0.1:x") }
    try await refuses { $0.servers = [] }
    try await refuses { $0.servers += $0.servers }
    try await refuses { $0.mainQueue = "no tube" }
    try await refuses { $0.replyTimeout = .zero }
    try await refuses { $0.recoverList?.servers = [] }
    try await refuses { $0.recoverList?.servers = ["127.0.0.1:x"] }
    try await refuses { $0.recoverList?.prefix = "" }
    try await refuses { $0.recoverList?.name = "" }
  }
}

extension MemoryList {
  var name: String { RecoverListConfiguration(server: place).list }
}
