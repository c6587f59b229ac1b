import Foundation
import Testing

@testable import MEDApp

@Suite("§17 The commented example file")
struct ExampleFileTests {
  /// The text in the repository; written anew first when UPDATE_EXAMPLE is set.
  private func committed() throws -> String {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let file = root.appendingPathComponent(ExampleFile.path)
    if ProcessInfo.processInfo.environment["UPDATE_EXAMPLE"] != nil {
      try Data(ExampleFile.text.utf8).write(to: file)
    }
    return try String(contentsOf: file, encoding: .utf8)
  }

  @Test func `it holds every key, unit, default and bound of the code, and no others`() throws {
    let text = try committed()
    #expect(
      text == ExampleFile.text, "run: UPDATE_EXAMPLE=1 swift test --filter ExampleFileTests, and look at the difference"
    )
  }

  @Test func `it loads as it is, with all defaults`() throws {
    let configuration = try Configuration.parse(try committed(), path: "example")
    #expect(configuration.diagnostics.isEmpty)
    #expect(configuration.explicit.isEmpty)
    #expect(configuration.settings.differences(from: Settings()).isEmpty)
  }

  @Test func `with every key in force it still means the defaults`() throws {
    // A [Database] table implies a MySQL store, which needs a database.
    let text = ExampleFile.uncommented(try committed()).replacing("Type = \"\"", with: "Type = \"sqlite\"")
    let configuration = try Configuration.parse(text, path: "example")
    #expect(configuration.diagnostics.map(\.key) == ["QueueServerType"])
    #expect(configuration.explicit == Set(ConfigOption.all.map(\.path)))
    #expect(configuration.settings.differences(from: Settings()).map(\.path) == ["Store.Type"])
  }

  @Test func `every key stands once in the table`() {
    let paths = ConfigOption.all.map(\.path)
    #expect(Set(paths).count == paths.count)
    #expect(ConfigOption.all.allSatisfy { !$0.summary.isEmpty && !$0.allowed.isEmpty })
  }

  @Test func `the defaults are those of the specification`() {
    let wanted = [
      "QueueServerAddr": "\"127.0.0.1:11300\"", "QueueServerPoolListenConnCount": "2",
      "QueueServerPoolCmdConnCount": "1", "MedisPerMaxConsumerQueueNum": "8",
      "NameOfMainQueue": "\"main-incoming-queue\"", "PrefixOfChannelQueue": "\"sub-queue/\"",
      "ListenersOfMainQueue": "1", "SendersPerChannel": "1", "MaxSendersPerChannel": "10",
      "SendersPerRetryChannel": "1", "MaxSendersPerRetryChannel": "10", "IntervalOfSendingForSendRoutine": "0",
      "MaxMessageProcessTime": "30000", "DefaultMaxMessageProcessTime": "5000",
      "CoeOfIntervalForRetrySendingMsg": "10", "MaxRetryTimesOfSendingMessage": "10", "EnableMsgSentLog": "true",
      "SplitLog": "true", "ListenAddr": "\"0.0.0.0:5601\"", "DebugAddr": "\"127.0.0.1:9898\"",
      "StatisticApiAddr": "\"0.0.0.0:5606\"", "PrometheusApiAddr": "\"0.0.0.0:25606\"",
      "GlobalMessageBlockedAlarmInterval": "180", "InFlightState": "\"buried\"", "Store.RefreshInterval": "10",
      "Push.ContextHeader": "\"X-Jumei-Context\"", "Push.VerifyTLS": "true", "Push.MaxResponseBytes": "65536",
      "Admin.Addr": "\"127.0.0.1:5680\"", "Log.Output": "\"files\"", "Log.Level": "\"info\"", "Engine.Loops": "1",
      "MsgQueueFaultToleranceListNamePrefix": "\"mec_list_of_msg_for_restore_to_queue_server:\"",
    ]
    let defaults = Dictionary(uniqueKeysWithValues: ConfigOption.all.map { ($0.path, $0.defaultText) })
    for (path, text) in wanted { #expect(defaults[path] == text, "\(path)") }
  }
}
