import MEDCore

/// A text with places for an alert's parts (SPEC §15): `{@Subject@}`, `{@From@}`, `{@Content@}`.
struct AlertTemplate: Equatable {
  let text: String

  /// What stands in for a file that isn't there.
  static let mail = AlertTemplate(text: "{@Content@}\n")
  static let sms = AlertTemplate(text: "{@Subject@}\n{@Content@}")

  /// The text with `alert` in it. What an alert says is never read as a place.
  func filled(_ alert: Alert, from sender: String) -> String {
    let places = [("{@Subject@}", alert.subject), ("{@From@}", sender), ("{@Content@}", alert.content)]
    var result = ""
    var rest = text[...]
    while let start = rest.firstRange(of: "{@") {
      result += rest[..<start.lowerBound]
      rest = rest[start.lowerBound...]
      if let place = places.first(where: { rest.hasPrefix($0.0) }) {
        result += place.1
        rest = rest.dropFirst(place.0.count)
      } else {
        result += rest.prefix(2)
        rest = rest.dropFirst(2)
      }
    }
    return result + rest
  }
}
