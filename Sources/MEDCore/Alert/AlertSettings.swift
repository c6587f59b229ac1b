/// What decides on alerts about the whole dispatcher, and on those that nobody else gets (SPEC §15, §17).
public struct AlertSettings: Sendable, Equatable {
  /// `DefaultAlarmReceiver`; empty: nobody.
  public var receiver = ""
  /// `DefaultAlarmChan`
  public var channel = ""
  /// `GlobalMessageBlockedAlertThreshold`, messages; 0: off.
  public var globalBlockedThreshold = 0
  /// `GlobalMessageBlockedAlarmInterval`
  public var globalBlockedAlarmInterval = Duration.seconds(180)
  /// `NameOfMainQueueBlockedAlertThreshold`, messages; 0: off.
  public var mainQueueBlockedThreshold = 0

  /// The defaults: no such alerts.
  public init() {}

  /// The same with what commands have set, which wins.
  func overlaid(by alarm: DefaultAlarm) -> AlertSettings {
    var settings = self
    settings.receiver = alarm.receiver ?? receiver
    settings.channel = alarm.channel ?? channel
    settings.globalBlockedThreshold = alarm.globalBlockedThreshold ?? globalBlockedThreshold
    settings.globalBlockedAlarmInterval =
      alarm.globalBlockedAlarmSeconds.map { .seconds($0) } ?? globalBlockedAlarmInterval
    settings.mainQueueBlockedThreshold = alarm.mainQueueBlockedThreshold ?? mainQueueBlockedThreshold
    return settings
  }
}
