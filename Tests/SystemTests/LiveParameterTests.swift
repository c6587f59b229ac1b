import Foundation
import MEDTestSupport
import Testing

@Suite("§7 §8 Parameters set by RPC while messages flow", .showsServerOutput)
struct LiveParameterTests {
  /// A dispatcher under load: the subscriber accepts after `pause`, or answers each time with `refusal`.
  private func start(
    _ parameters: [String: String], messages: Int, pause: Duration = .zero, refusal: Answer? = nil
  ) async throws -> (ControlledSystem, Int) {
    let controlled = try await ControlledSystem.start(
      settings: [
        "MaxSendersPerChannel": "500", "SendersPerChannel": "1",
        "MaxRetryTimesOfSendingMessage": "1000", "CoeOfIntervalForRetrySendingMsg": "0",
      ])
    // What is in force then came by RPC, not by a refresh.
    try controlled.system.configure(["Store.RefreshInterval": "3600"])
    let id = try await controlled.system.subscribe(parameters: parameters) { _ in
      refusal.map { .refuse($0) } ?? .accept(after: pause)
    }
    try controlled.system.publish(0..<messages)
    try await controlled.startDispatcher()
    return (controlled, id)
  }

  /// Everything was delivered once, and what is in force is stored too.
  private func finish(_ controlled: ControlledSystem, _ id: Int, _ stored: [String: String]) async throws {
    let system = controlled.system
    try await system.waitUntilLeft(0, within: .seconds(120))
    #expect(system.ledger.accepted == system.ledger.expected)
    #expect(system.ledger.duplicates.isEmpty)
    let inStore = try #require(try await system.store.subscription(id)).subscription.parameters
    for (name, value) in stored { #expect(inStore[name] == value) }
    #expect(try await system.stopDispatcher() == .code(0))
    let snapshot = controlled.snapshot(of: id)
    for (name, value) in stored { #expect(snapshot[name].map { "\($0)" } == value) }
  }

  @Test func `Concurrency goes from 1 to 500 and back under load, and nothing is lost or pushed twice`() async throws {
    let pause = Duration.milliseconds(250)
    let (controlled, id) = try await start(["Concurrency": "1"], messages: 4_000, pause: pause)
    let (system, path) = (controlled.system, controlled.system.path(id))
    try await system.receiver.waitFor(count: 4, on: path, within: .seconds(60))
    #expect(system.receiver.maxInFlight(path) == 1)

    // Up: held answers make the number in flight the limit, exactly.
    system.receiver.hold(path)
    let before = system.receiver.count(path)
    #expect(try controlled.set(#"{"Concurrency":500}"#, of: id) == .init("ok", "true"))
    let raised = ContinuousClock.now
    try await eventually("500 are in flight", within: .seconds(60)) { system.receiver.inFlight(path) == 500 }
    let arrivals = system.receiver.requests(path).dropFirst(before).map { $0.arrival - raised }.sorted()
    print(
      "Concurrency 1 → 500: the second push in flight after \(arrivals.first ?? .zero), the 500th after "
        + "\(arrivals.last ?? .zero)")

    // Down, with 500 in flight: they finish, and none begins before the last of them has ended.
    #expect(try controlled.set(#"{"Concurrency":1}"#, of: id) == .init("ok", "true"))
    let held = system.receiver.count(path)
    #expect(system.receiver.maxInFlight(path) == 500)
    system.receiver.release(path)
    try await system.receiver.waitFor(count: held + 6, on: path, within: .seconds(60))
    let single = system.receiver.requests(path).dropFirst(held).map(\.arrival)
    // Each of them begins after the answer to the one before, which takes its time.
    for (earlier, later) in zip(single, single.dropFirst()) { #expect(later - earlier >= pause) }

    // And up again, while answers flow.
    #expect(try controlled.set(#"{"Concurrency":"500"}"#, of: id) == .init("ok", "true"))
    try await finish(controlled, id, ["Concurrency": "500"])
    #expect(system.receiver.maxInFlight(path) <= 500)
  }

  @Test func `IntervalOfSending holds pushes back, and lets them go`() async throws {
    let (controlled, id) = try await start(["IntervalOfSending": "3600000", "Concurrency": "10"], messages: 200)
    let (system, path) = (controlled.system, controlled.system.path(id))
    try await system.receiver.waitFor(count: 1, on: path, within: .seconds(20))
    #expect(try controlled.set(#"{"IntervalOfSending":40}"#, of: id) == .init("ok", "true"))
    try await system.receiver.waitFor(count: 10, on: path, within: .seconds(20))
    let paced = system.receiver.requests(path).map(\.arrival)
    // Starts are 40 ms apart; arrivals may come closer by what the first of two took longer.
    let span = (paced.last ?? .now) - (paced.first ?? .now)
    #expect(span >= .milliseconds(40) * (paced.count - 3))
    #expect(try controlled.set(#"{"IntervalOfSending":0}"#, of: id) == .init("ok", "true"))
    try await finish(controlled, id, ["IntervalOfSending": "0", "Concurrency": "10"])
  }

  @Test func `ProcessTimeout counts for the next push`() async throws {
    let (controlled, id) = try await start(
      ["ProcessTimeout": "500"], messages: 1, refusal: .ok.delayed(.seconds(3)))
    let (system, path) = (controlled.system, controlled.system.path(id))
    try await system.receiver.waitFor(count: 3, on: path, within: .seconds(20))
    #expect(try system.server.jobs().all >= 1)
    #expect(try controlled.set(#"{"ProcessTimeout":20000}"#, of: id) == .init("ok", "true"))
    try await system.waitUntilEmpty()
    #expect(try controlled.parameters(of: id)["ProcessTimeout"] as? Int == 20_000)
    #expect(try await system.stopDispatcher() == .code(0))
    #expect(controlled.snapshot(of: id)["ProcessTimeout"] as? Int == 20_000)
  }

  @Test func `ReceptionUri sends the next pushes elsewhere, and back`() async throws {
    let (controlled, id) = try await start([:], messages: 1)
    let (system, path) = (controlled.system, controlled.system.path(id))
    try await system.receiver.waitFor(count: 1, on: path, within: .seconds(20))
    #expect(try controlled.set(#"{"ReceptionUri":"\#(system.receiver.url("/elsewhere"))"}"#, of: id).status == "ok")
    try system.publish(1..<11)
    try await system.receiver.waitFor(count: 10, on: "/elsewhere", within: .seconds(20))
    #expect(system.receiver.count(path) == 1)
    #expect(try controlled.set(#"{"ReceptionUri":""}"#, of: id).status == "ok")
    try system.publish(11..<12)
    try await system.receiver.waitFor(count: 2, on: path, within: .seconds(20))
    #expect(system.receiver.count("/elsewhere") == 10)
    #expect(try await system.stopDispatcher() == .code(0))
  }

  @Test func `AckMode and PayloadFormat count for the next push`() async throws {
    let (controlled, id) = try await start([:], messages: 1, refusal: .status(204))
    let (system, path) = (controlled.system, controlled.system.path(id))
    try await eventually("it is retried", within: .seconds(20)) { system.receiver.count(path) >= 3 }
    #expect(system.receiver.requests(path).first?.header("content-type") == "application/x-www-form-urlencoded")
    #expect(try controlled.set(#"{"AckMode":"http"}"#, of: id).status == "ok")
    try await system.waitUntilEmpty()
    #expect(try controlled.set(#"{"PayloadFormat":"json"}"#, of: id).status == "ok")
    let before = system.receiver.count(path)
    try system.publish(1..<2)
    try await system.receiver.waitFor(count: before + 1, on: path, within: .seconds(20))
    #expect(system.receiver.requests(path).last?.header("content-type") == "application/json")
    try await system.waitUntilEmpty()
    let refused = try controlled.set(#"{"AckMode":"maybe"}"#, of: id)
    #expect(refused == .init("failed", #""AckMode: expected \"status\" or \"http\", got \"maybe\"""#))
    #expect(try await system.stopDispatcher() == .code(0))
    let snapshot = controlled.snapshot(of: id)
    #expect(snapshot["AckMode"] as? String == "http" && snapshot["PayloadFormat"] as? String == "json")
  }

  @Test func `parameters survive a restart, also one without the store`() async throws {
    let (controlled, id) = try await start([:], messages: 1)
    let system = controlled.system
    #expect(try controlled.set(#"{"Concurrency":77}"#, of: id).status == "ok")
    #expect(try await system.stopDispatcher() == .code(0))
    try await controlled.startDispatcher()
    #expect(try controlled.parameters(of: id)["Concurrency"] as? Int == 77)
    #expect(try await system.stopDispatcher() == .code(0))
    let store = system.directory.file("data/medispatcher.sqlite")
    try FileManager.default.moveItem(atPath: store, toPath: store + ".away")
    try await controlled.startDispatcher()
    try await eventually("the snapshot is in force") { try controlled.parameters(of: id)["Concurrency"] as? Int == 77 }
    #expect(try await system.stopDispatcher() == .code(0))
  }
}
