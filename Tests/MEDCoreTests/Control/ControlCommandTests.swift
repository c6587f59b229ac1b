import Testing

@testable import MEDCore

@Suite("§8 Commands: what clients send")
struct ControlCommandTests {
  private static func read(_ name: String, _ text: String) throws -> ControlCommand {
    try ControlCommand(name, try JSONValue(parsing: Array(text.utf8)))
  }

  @Test(arguments: ["352", #""352""#, "352.0", #"" 352 ""#])
  func `an id is a number or digits`(id: String) throws {
    #expect(
      try Self.read("GetSubscriptionParams", #"{"SubscriptionId":\#(id)}"#)
        == .getSubscriptionParameters(subscription: 352))
  }

  @Test(arguments: [
    (#"{}"#, "SubscriptionId is missing"), (#"{"SubscriptionId":null}"#, "SubscriptionId is missing"),
    (#"{"SubscriptionId":0}"#, #"SubscriptionId: expected 1 ... 2147483647, got "0""#),
    (#"{"SubscriptionId":"x"}"#, #"SubscriptionId: expected a number 1 ... 2147483647, got "x""#),
    (#"{"SubscriptionId":1.5}"#, #"SubscriptionId: expected a number 1 ... 2147483647, got "1.5""#),
    (#"{"SubscriptionId":1e300}"#, #"SubscriptionId: expected a number 1 ... 2147483647, got "1e+300""#),
    (#"{"SubscriptionId":[1]}"#, "SubscriptionId: expected a number 1 ... 2147483647, got a list"),
  ])
  func `an id that is none is refused with what was found`(arguments: String, message: String) {
    let error = #expect(throws: ControlError.self) { try Self.read("GetSubscriptionParams", arguments) }
    #expect(error?.message == message)
  }

  @Test func `values of parameters may be numbers, booleans or text, and null gives back the default`() throws {
    let command = try Self.read(
      "SetSubscriptionParams",
      #"""
      {"SubscriptionId": "7", "Params": {"Concurrency": 11, "ConcurrencyOfRetry": "2", "IntervalOfSending": 92.0,
       "AlerterEnabled": false, "ReceiveBenchMsgs": 1, "AlerterEmails": "a@b.c", "AckMode": null, "SubscriptionId": 7}}
      """#)
    #expect(
      command
        == .setSubscriptionParameters(
          subscription: 7,
          [
            "Concurrency": "11", "ConcurrencyOfRetry": "2", "IntervalOfSending": "92", "AlerterEnabled": "0",
            "ReceiveBenchMsgs": "1", "AlerterEmails": "a@b.c", "AckMode": nil,
          ]))
  }

  @Test(arguments: [
    #"{"SubscriptionId":1}"#, #"{"SubscriptionId":1,"Params":[1]}"#,
    #"{"SubscriptionId":1,"Params":{"Concurrency":[]}}"#,
    #"{"SubscriptionId":1,"Params":"x"}"#,
  ])
  func `parameters that are none are refused`(arguments: String) {
    let error = #expect(throws: ControlError.self) { try Self.read("SetSubscriptionParams", arguments) }
    #expect(error?.code == .invalidArgument)
  }

  @Test func `ClearDataCache takes lists of prefixes by any names, or nothing`() throws {
    #expect(try Self.read("ClearDataCache", "{}") == .clearDataCache(keyPrefixes: []))
    #expect(try Self.read("ClearDataCache", "[]") == .clearDataCache(keyPrefixes: []))
    #expect(
      try Self.read("ClearDataCache", #"{"b":["subscriptions_x"],"a":["subscriptions_y","z"],"c":[]}"#)
        == .clearDataCache(keyPrefixes: ["subscriptions_y", "z", "subscriptions_x"]))
    #expect(throws: ControlError.self) { try Self.read("ClearDataCache", #"{"a":"subscriptions_x"}"#) }
    #expect(throws: ControlError.self) { try Self.read("ClearDataCache", #"{"a":[1]}"#) }
  }

  @Test func `SetDefaultAlarm takes what is named, within its bounds`() throws {
    guard
      case .setDefaultAlarm(let alarm) = try Self.read(
        "SetDefaultAlarm",
        #"{"default_alarm_receiver":"ops","default_alarm_chan":12,"global_message_blocked_alert_threshold":"500"}"#)
    else {
      Issue.record("another command")
      return
    }
    var expected = DefaultAlarm()
    (expected.receiver, expected.channel, expected.globalBlockedThreshold) = ("ops", "12", 500)
    #expect(alarm == expected)
    for (arguments, code) in [
      (#"{"global_message_blocked_alarm_interval":0}"#, ControlError.Code.outOfBounds),
      (#"{"global_message_blocked_alert_threshold":-1}"#, .outOfBounds),
      (#"{"name_of_main_queue_blocked_alert_threshold":"many"}"#, .invalidArgument),
      (#"{"default_alarm_receiver":{}}"#, .invalidArgument), (#"{"default_alarm_chan":"a\nb"}"#, .outOfBounds),
    ] {
      let error = #expect(throws: ControlError.self) { try Self.read("SetDefaultAlarm", arguments) }
      #expect(error?.code == code)
    }
  }

  @Test func `CleanTopic names servers and a tube`() throws {
    #expect(
      try Self.read("CleanTopic", #"{"servers":["a:1"],"topic":"t","callback":"http://x/"}"#)
        == .cleanTopic(servers: ["a:1"], topic: "t", callback: "http://x/"))
    #expect(
      try Self.read("CleanTopic", #"{"servers":["a:1"],"topic":"t"}"#)
        == .cleanTopic(servers: ["a:1"], topic: "t", callback: nil))
    for arguments in [
      #"{"topic":"t"}"#, #"{"servers":[],"topic":"t"}"#, #"{"servers":["a"]}"#, #"{"servers":"a","topic":"t"}"#,
    ] {
      #expect(throws: ControlError.self) { try Self.read("CleanTopic", arguments) }
    }
  }

  @Test func `a name that isn't known is told, with those that are`() {
    let error = #expect(throws: ControlError.self) { try Self.read("clearDataCache", "{}") }
    #expect(error?.code == .unknownCommand)
    #expect(error?.message.contains(#"unknown command "clearDataCache", expected ClearDataCache, "#) == true)
  }
}

@Suite("§12 CleanTopic: what may be emptied")
struct CleanRequestTests {
  private static let known = [QueueServerAddress(host: "10.0.0.1"), QueueServerAddress(host: "10.0.0.2", port: 11_301)]

  private static func make(
    _ servers: [String], topic: String = "t/sub-queue/1", callback: String? = nil
  ) throws(ControlError) -> CleanRequest {
    try CleanRequest(servers: servers, topic: topic, callback: callback, known: known)
  }

  @Test func `servers are those of the configuration, with or without the usual port, each once`() throws {
    #expect(try Self.make(["10.0.0.1", "10.0.0.1:11300", " 10.0.0.2:11301 "]).servers == Self.known)
    for stranger in ["10.0.0.3:11300", "10.0.0.2", "10.0.0.2:11300", "", "localhost"] {
      let error = #expect(throws: ControlError.self) { try Self.make([stranger]) }
      #expect(error?.message.contains("is none of QueueServerAddr (10.0.0.1:11300, 10.0.0.2:11301)") == true)
    }
  }

  @Test func `callbacks are http or https`() throws {
    #expect(try Self.make(["10.0.0.1"], callback: "https://panel/done?x=1").callback == "https://panel/done?x=1")
    #expect(try Self.make(["10.0.0.1"], callback: "").callback == nil)
    for callback in ["ftp://x/", "file:///etc/passwd", "gopher://x", "//x", "http://", "javascript:1"] {
      #expect(throws: ControlError.self) { try Self.make(["10.0.0.1"], callback: callback) }
    }
  }

  @Test func `the topic is the name of a tube`() {
    for topic in ["", "-a", "a b", "a\u{0}"] {
      #expect(throws: ControlError.self) { try Self.make(["10.0.0.1"], topic: topic) }
    }
  }
}
