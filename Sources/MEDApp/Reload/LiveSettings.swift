import MEDLoop

/// The settings in force: those of the start, with what was reloaded live since.
public final class LiveSettings: Sendable {
  private let value: Locked<Settings>

  init(_ settings: Settings) { value = Locked(settings) }

  /// May be read from anywhere; a later reading may differ.
  public internal(set) var current: Settings {
    get { value.withLock { $0 } }
    set { value.withLock { $0 = newValue } }
  }
}

/// What a config file that was read anew means for a process that runs.
struct ReloadPlan {
  /// To be in force from now on.
  let settings: Settings
  /// Options that change by that.
  let live: [ConfigOption]
  /// Options whose new value counts after a restart only.
  let needRestart: [ConfigOption]

  /// - Parameters:
  ///   - new: what the file says.
  ///   - current: what is in force. What needs a restart is in it as it was at the start.
  init(_ new: Settings, over current: Settings) {
    let differences = new.differences(from: current)
    live = differences.filter { $0.effect == .live }
    needRestart = differences.filter { $0.effect == .restart }
    var settings = current
    for option in live { option.copy(new, &settings) }
    self.settings = settings
  }
}
