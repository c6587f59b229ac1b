import MEDCore

/// What `KEY=VALUE` and `--unset KEY` on a command line ask for, checked against the table of parameters.
public struct ParameterChange: Sendable, Equatable {
  /// Texts as they go into the store.
  public private(set) var set: [String: String] = [:]
  /// Those that get back their defaults, in the order of their names.
  public private(set) var unset: [String] = []

  /// - Parameters:
  ///   - assignments: `KEY=VALUE`; an empty value is kept as such.
  ///   - unset: names; one that isn't known is allowed, as an old row may bear it.
  ///   - table: nil: somebody else judges names and values.
  /// - Throws: ``UsageError`` naming what was found and what is allowed.
  public init(_ assignments: [String], unset names: [String] = [], table: ParameterTable?) throws {
    for assignment in assignments {
      guard let (name, value) = Self.split(assignment) else {
        throw UsageError("\(quoted(assignment)): KEY=VALUE expected")
      }
      guard set[name] == nil else { throw UsageError("\(name) is given twice") }
      if let table { try Self.check(name, value, table) }
      set[name] = value
    }
    unset = Set(names).sorted()
    for name in unset {
      guard !name.isEmpty, !name.contains("=") else { throw UsageError("--unset \(quoted(name)): KEY expected") }
      guard set[name] == nil else { throw UsageError("\(name) can't be both set and unset") }
    }
    guard !set.isEmpty || !unset.isEmpty else { throw UsageError("there is nothing to change: give KEY=VALUE") }
  }

  /// What stands before and after the first `=`; nil if the first isn't a plain word.
  public static func split(_ text: String) -> (name: String, value: String)? {
    guard let equals = text.firstIndex(of: "=") else { return nil }
    let name = text[..<equals]
    guard !name.isEmpty, name.allSatisfy({ $0.isASCII && $0.isLetter }) else { return nil }
    return (String(name), String(text[text.index(after: equals)...]))
  }

  /// - Throws: ``UsageError``.
  public static func check(_ name: String, _ value: String, _ table: ParameterTable) throws {
    guard ParameterName(rawValue: name) != nil else {
      let nearest = NearestName.of(name, among: ParameterName.allCases.map(\.rawValue))
      throw UsageError("unknown parameter \(name)" + (nearest.map { "; did you mean \($0)?" } ?? ""))
    }
    do { _ = try table.validate(name, value) } catch {
      let hint = value.isEmpty ? "; --unset \(name) gives back the default" : ""
      throw UsageError("\(error)\(hint)")
    }
  }

  /// - Throws: ``UsageError`` if something that isn't there and has no known name is to be taken away.
  public func check(against subscription: Subscription) throws {
    for name in unset where ParameterName(rawValue: name) == nil && subscription.parameters[name] == nil {
      let nearest = NearestName.of(name, among: ParameterName.allCases.map(\.rawValue))
      throw UsageError("--unset: unknown parameter \(quoted(name))" + (nearest.map { "; did you mean \($0)?" } ?? ""))
    }
  }

  /// As a store takes it.
  public var stored: [String: String?] {
    var stored: [String: String?] = set
    for name in unset { stored[name] = .some(nil) }
    return stored
  }

  // MARK: Shown

  public func text(of id: Int, isCancelled: Bool) -> String {
    let parts = shownSet.map { "\($0.key)=\($0.value)" } + unset.map { "\($0) unset" }
    return "subscription \(id)\(isCancelled ? " (cancelled)" : ""): "
      + escapeControlCharacters(parts.joined(separator: ", ")[...])
  }

  public func json(of id: Int) -> String {
    var bytes = Array(#"{"id":\#(id),"set":{"#.utf8)
    for (index, parameter) in shownSet.enumerated() {
      if index > 0 { bytes += ",".utf8 }
      appendJSONString(parameter.key, to: &bytes)
      bytes += ":".utf8
      appendJSONString(parameter.value, to: &bytes)
    }
    bytes += #"},"unset":["#.utf8
    for (index, name) in unset.enumerated() {
      if index > 0 { bytes += ",".utf8 }
      appendJSONString(name, to: &bytes)
    }
    bytes += "]}".utf8
    return String(decoding: bytes, as: UTF8.self)
  }

  private var shownSet: [(key: String, value: String)] { SubscriptionListing.shown(set) }
}
