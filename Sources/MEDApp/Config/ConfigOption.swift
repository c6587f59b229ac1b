/// One key of the config file: where it stands, what it may be, what it does, and which setting it fills.
public struct ConfigOption: Sendable {
  /// When a changed value counts.
  public enum Effect: String, Sendable {
    /// With the next reload.
    case live = "reloaded live"
    /// After a restart.
    case restart = "needs a restart"
    /// Accepted because the files of older installations have it; nothing follows from it.
    case none = "without effect"
  }

  /// The table that it stands in; empty at the top.
  public let section: String
  public let key: String
  /// Other spellings that mean the same.
  public let aliases: [String]
  public let unit: String
  public let allowed: String
  public let effect: Effect
  /// What it does, for the example file.
  public let summary: String
  public let isSecret: Bool

  let read: @Sendable (RawValue, inout Settings) -> Outcome
  let write: @Sendable (Settings) -> String
  /// Takes the value from the first into the second.
  let copy: @Sendable (Settings, inout Settings) -> Void

  enum Outcome {
    case taken
    case refused(reason: String?)
  }

  init<Value: Sendable>(
    _ key: String, in section: String = "", _ path: any WritableKeyPath<Settings, Value> & Sendable,
    _ type: OptionType<Value>, effect: Effect = .restart, aliases: [String] = [], secret: Bool = false,
    _ summary: String
  ) {
    self.init(
      key, in: section, get: { $0[keyPath: path] }, set: { $0[keyPath: path] = $1 }, type, effect: effect,
      aliases: aliases,
      secret: secret, summary)
  }

  init<Value: Sendable>(
    _ key: String, in section: String, get: @escaping @Sendable (Settings) -> Value,
    set: @escaping @Sendable (inout Settings, Value) -> Void, _ type: OptionType<Value>, effect: Effect,
    aliases: [String] = [], secret: Bool = false, _ summary: String
  ) {
    self.key = key
    self.section = section
    self.aliases = aliases
    self.unit = type.unit
    self.allowed = type.allowed
    self.effect = effect
    self.summary = summary
    isSecret = secret
    read = { raw, settings in
      do throws(Refusal) {
        set(&settings, try type.read(raw))
        return .taken
      } catch {
        return .refused(reason: error.reason)
      }
    }
    write = { type.write(get($0)) }
    copy = { set(&$1, get($0)) }
  }

  /// `Section.Key`, the key alone at the top.
  public var path: String { section.isEmpty ? key : section + "." + key }

  /// As people name it: `[Section] Key`.
  public var title: String { section.isEmpty ? key : "[\(section)] \(key)" }

  /// The default, as TOML.
  public var defaultText: String { write(Settings()) }
}

extension Settings {
  /// The options in which `self` and `other` differ: what a reload has to look at.
  public func differences(from other: Settings) -> [ConfigOption] {
    ConfigOption.all.filter { $0.write(self) != $0.write(other) }
  }
}
