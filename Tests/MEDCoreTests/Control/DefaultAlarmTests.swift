import Foundation
import Logging
import MEDTestSupport
import Testing

@testable import MEDCore

@Suite("§8 SetDefaultAlarm")
struct DefaultAlarmTests {
  private static let silent = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

  private func alarms(_ directory: TemporaryDirectory) -> DefaultAlarms {
    DefaultAlarms(directory: directory.path, logger: Self.silent)
  }

  private func control(_ alarms: DefaultAlarms) -> Control {
    Control(EngineHarness().dispatcher(), store: nil, alarms: alarms, logger: Self.silent)
  }

  @Test func `it is kept in DATA_DIR, over a restart, and what isn't named keeps its value`() async throws {
    let directory = try TemporaryDirectory("alarm")
    let first = alarms(directory)
    #expect(first.current.isEmpty)
    let answer = try await control(first).perform(
      "SetDefaultAlarm", ["default_alarm_receiver": "ops", "global_message_blocked_alert_threshold": "100"])
    #expect(answer == .null)
    #expect(
      directory.read("default_alarm.json")
        == #"{"DefaultAlarmReceiver":"ops","GlobalMessageBlockedAlertThreshold":100}"# + "\n")
    let second = alarms(directory)
    #expect(second.current.receiver == "ops" && second.current.globalBlockedThreshold == 100)
    _ = try await control(second).perform("SetDefaultAlarm", ["default_alarm_receiver": "night"])
    #expect(alarms(directory).current.receiver == "night")
    #expect(alarms(directory).current.globalBlockedThreshold == 100)
  }

  @Test(arguments: ["", "{", "[1]", #"{"GlobalMessageBlockedAlarmInterval":0}"#, #"{"DefaultAlarmReceiver":[]}"#])
  func `a file that can't be used counts as empty until the next change`(text: String) async throws {
    let directory = try TemporaryDirectory("alarm")
    try directory.write(text, to: "default_alarm.json")
    let alarms = alarms(directory)
    #expect(alarms.current.isEmpty)
    #expect(directory.read("default_alarm.json") == text)
    _ = try await control(alarms).perform("SetDefaultAlarm", ["default_alarm_chan": "sms"])
    #expect(self.alarms(directory).current.channel == "sms")
  }

  @Test func `what can't be kept isn't in force`() async throws {
    let directory = try TemporaryDirectory("alarm")
    let alarms = DefaultAlarms(directory: directory.file("gone"), logger: Self.silent)
    let error = await #expect(throws: ControlError.self) {
      try await control(alarms).perform("SetDefaultAlarm", ["default_alarm_chan": "sms"])
    }
    #expect(error?.code == .notStored)
    #expect(alarms.current.isEmpty)
  }

  @Test func `a command that names nothing is refused`() async throws {
    let directory = try TemporaryDirectory("alarm")
    await #expect(throws: ControlError.self) { try await control(alarms(directory)).perform("SetDefaultAlarm", [:]) }
  }
}
