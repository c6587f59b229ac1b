import Testing

@testable import MEDCore

@Suite("§15 What alerts say")
struct AlertTextTests {
  private static let text = AlertText(host: "10.0.0.5", time: RecordTime(microseconds: 0))

  private static func channel(_ parameters: [String: String] = [:]) -> SubscribedChannel {
    SubscribedChannel.make(
      Subscription(id: 352, topic: "order_paid", receptionChannel: "http://127.0.0.1/", parameters: parameters),
      ChannelRules()
    ).channel
  }

  private static func failure(_ retryTimes: UInt64, reason: String = "HTTP status 500") throws -> AlertText.Failure {
    let target = try Target.parse("http://user:secret@shop.example/orders?token=hush").get()
    return AlertText.Failure(jobID: "1.5-17-352", retryTimes: retryTimes, target: target, reason: reason)
  }

  @Test func `a failing message says how long it is until it is given up`() throws {
    let schedule = RetrySchedule(coefficient: 10, maximumRetries: 10)
    let alert = Self.text.messageFails(Self.channel(), try Self.failure(7), schedule)
    // 8² + 9² + 10² times 10 s.
    #expect(alert.content.contains("It is given up in 40 min 50 s, if 3 retries more fail."))
    #expect(alert.content.contains("The message 1.5-17-352 has failed, and so did 7 retries of it"))
    #expect(alert.subject == "[medispatcher] order_paid/352: 7 retries of a message failed")
    let last = Self.text.messageFails(Self.channel(), try Self.failure(9), schedule)
    #expect(last.content.contains("It is given up in 16 min 40 s, if 1 retry more fails."))
    let over = Self.text.messageFails(Self.channel(), try Self.failure(10), schedule)
    #expect(over.content.contains("It is given up: the DATA log has it (EXHAUSTED)."))
  }

  @Test func `whatever the schedule is, the time is found`() throws {
    let endless = RetrySchedule(coefficient: .max, maximumRetries: .max)
    let alert = Self.text.messageFails(Self.channel(), try Self.failure(1), endless)
    #expect(alert.content.contains("It is given up in more than "))
  }

  @Test func `a target is named without what may be secret`() throws {
    let alert = Self.text.subscriptionFails(Self.channel(), failures: 130, try Self.failure(0))
    #expect(alert.content.contains("http://***@shop.example/orders: HTTP status 500"))
    #expect(!alert.content.contains("secret") && !alert.content.contains("hush"))
    #expect(alert.content.contains("130 pushes failed within 180 s; alerts begin at 120."))
    #expect(alert.subscription == 352 && alert.topic == "order_paid" && alert.kind == .subscriptionFails)
    #expect(alert.content.contains("From the dispatcher on 10.0.0.5, 1970-01-01T00:00:00"))
  }

  @Test func `nothing in it acts on a mail or a terminal, and its length is bounded`() throws {
    let reason = "a\r\nBcc: b@x\u{1B}[2J" + String(repeating: "é", count: 10_000)
    let alert = Self.text.subscriptionFails(Self.channel(), failures: 1, try Self.failure(0, reason: reason))
    #expect(!alert.content.unicodeScalars.contains { $0.isControl && $0 != "\n" })
    #expect(!alert.subject.unicodeScalars.contains { $0.isControl })
    #expect(alert.content.utf8.count <= 4_096)
  }

  @Test func `full queues are named with their numbers`() throws {
    let channel = Self.channel(["MessageBlockedAlertThreshold": "100", "AlarmInterval": "600"])
    let blocked = Self.text.channelBlocked(channel, .retry, ready: 101)
    #expect(blocked.subject == "[medispatcher] order_paid/352: 101 messages wait in its retry channel")
    #expect(blocked.content.contains("alerts begin above 100.") && blocked.content.contains("for 10 min."))
    var settings = AlertSettings()
    settings.mainQueueBlockedThreshold = 9
    let main = Self.text.mainQueueBlocked(TubeName("main")!, ready: 10, settings)
    #expect(main.subject == "[medispatcher] 10.0.0.5: 10 messages wait in the main queue main")
    #expect(main.subscription == nil && main.recipients.isEmpty)
    settings.globalBlockedThreshold = 20
    #expect(Self.text.allChannelsBlocked(ready: 21, settings).content.hasPrefix("21 messages wait in all channels"))
  }

  @Test(arguments: [
    (0, "0 s"), (180, "180 s"), (599, "599 s"), (600, "10 min"), (2_450, "40 min 50 s"), (3_600, "1 h"),
    (25_800, "7 h 10 min"), (86_400, "1 d"), (183_600, "2 d 3 h"),
  ])
  func `times are told in the two largest units`(seconds: Int, expected: String) {
    #expect(AlertText.span(.seconds(seconds)) == expected)
  }
}
