import MEDCore

/// The body of a request: `{"cmd": "…", "args": {…}}`.
public struct RPCRequest: Sendable, Equatable {
  /// The command's name, which needn't be known.
  public let command: String
  /// An object; `{}` if there is none, or `null` or `[]` stands in its place.
  public let arguments: JSONValue

  /// A body that is no request.
  public struct Malformed: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong with it, for people.
    public let description: String
  }

  /// - Throws: what keeps the body from being a request.
  public init(parsing body: [UInt8]) throws(Malformed) {
    let value: JSONValue
    do throws(JSONError) {
      value = try JSONValue(parsing: body)
    } catch {
      throw Malformed(description: "a request is JSON: \(error)")
    }
    guard case .object = value else { throw Malformed(description: "a request is an object, not \(value.kind)") }
    guard let command = value["cmd"] else { throw Malformed(description: "cmd is missing") }
    guard case .string(let name) = command else {
      throw Malformed(description: "cmd is a string, not \(command.kind)")
    }
    self.command = name
    switch value["args"] ?? .null {
    case .object(let members): arguments = .object(members)
    case .null, .array([]): arguments = [:]
    case let other: throw Malformed(description: "args is an object, not \(other.kind)")
    }
  }
}
