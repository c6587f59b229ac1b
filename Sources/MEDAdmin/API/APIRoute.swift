import Hummingbird
import HummingbirdCore
import MEDCore
import NIOCore

/// One operation of the API.
struct APIRoute: Sendable {
  typealias Handler = @Sendable (inout APICall) async throws -> Response

  let method: HTTPRequest.Method
  /// As the document has it: `/api/v1/subscriptions/{id}`.
  let path: String
  /// Names in the query that it knows; others are refused.
  let query: Set<String>
  let handler: Handler

  init(
    _ method: HTTPRequest.Method, _ path: String, query: Set<String> = [], _ handler: @escaping Handler
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.handler = handler
  }

  func add(to router: Router<AdminContext>) {
    router.on(RouterPath(path), method: method) { [self] request, context in
      var call = try APICall(request, context, knows: query)
      return try await handler(&call)
    }
  }
}

/// A request as its route reads it. What can't be read is refused, naming what was found and what is allowed.
struct APICall {
  /// Bytes of a body; more than all URLs that a subscription may have.
  static let maximumBody = 256 << 10

  private let request: Request
  private let context: AdminContext
  private let query: [String: String]

  init(_ request: Request, _ context: AdminContext, knows names: Set<String>) throws(AdminError) {
    self.request = request
    self.context = context
    query = try APIQuery.read(request.uri.query ?? "", knows: names)
  }

  // MARK: The path and the query

  /// A number of a row, from the path.
  func id(_ name: String = "id", upTo maximum: Int = Int(Int32.max)) throws(AdminError) -> Int {
    let text = context.parameters.get(name) ?? ""
    guard text.utf8.count <= 19, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let id = Int(text),
      (1...maximum).contains(id)
    else { throw AdminError(.badRequest, "\(name): expected 1 ... \(maximum) in the path") }
    return id
  }

  func text(_ name: String) -> String? { query[name] }

  func integer(_ name: String, in range: ClosedRange<Int>) throws(AdminError) -> Int? {
    guard let text = query[name] else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw AdminError(.badRequest, "\(name): expected \(range.lowerBound) ... \(range.upperBound)")
    }
    return number
  }

  func choice<Choice: RawRepresentable & CaseIterable>(
    _ name: String, _ type: Choice.Type
  ) throws(AdminError) -> Choice? where Choice.RawValue == String {
    guard let text = query[name] else { return nil }
    guard let choice = Choice(rawValue: text) else {
      throw AdminError(
        .badRequest, "\(name): expected \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return choice
  }

  /// RFC 3339, or unix seconds.
  func seconds(_ name: String) throws(AdminError) -> Int64? {
    guard let text = query[name] else { return nil }
    if let seconds = Int64(text), (0...253_402_300_799).contains(seconds) { return seconds }
    guard let time = RecordTime(text) else {
      throw AdminError(.badRequest, "\(name): expected a time as 2026-11-23T04:27:01Z, or unix seconds")
    }
    return time.microseconds / 1_000_000
  }

  // MARK: The body

  /// An object whose members all have one of these names; nil: any.
  /// - Parameter isOptional: no body is `{}`.
  mutating func object(
    knows names: Set<String>?, isOptional: Bool = false
  ) async throws -> [String: JSONValue] {
    let bytes = try await body()
    if isOptional, bytes.isEmpty { return [:] }
    guard isJSON else {
      throw AdminError(.unsupportedMediaType, "expected a body with Content-Type: application/json")
    }
    let value: JSONValue
    do throws(JSONError) { value = try JSONValue(parsing: bytes) } catch {
      throw AdminError(.badRequest, "the body is no JSON: \(error)")
    }
    guard case .object(let members) = value else {
      throw AdminError(.invalid, "the body: expected an object, got \(value.kind)")
    }
    if let names, let unknown = members.keys.sorted().first(where: { !names.contains($0) }) {
      throw AdminError(
        .invalid, "unknown member \(APIText.quoted(unknown)), expected \(names.sorted().joined(separator: ", "))")
    }
    return members
  }

  private var isJSON: Bool {
    guard let type = request.headers[.contentType] else { return false }
    let parts = type.split(separator: ";")
    return parts.first.map { APIText.trimmed($0).lowercased() == "application/json" } ?? false
  }

  private func body() async throws -> [UInt8] {
    if let text = request.headers[.contentLength], let length = Int(text), length > Self.maximumBody {
      throw AdminError(.tooLarge, "the body is longer than \(Self.maximumBody) bytes")
    }
    do {
      return Array(buffer: try await request.body.collect(upTo: Self.maximumBody))
    } catch is NIOTooManyBytesError {
      throw AdminError(.tooLarge, "the body is longer than \(Self.maximumBody) bytes")
    }
  }
}

/// Members of a body, read one by one.
extension [String: JSONValue] {
  func strings(_ name: String) throws(AdminError) -> [String]? {
    guard let value = self[name], value != .null else { return nil }
    guard case .array(let elements) = value else {
      throw AdminError(.invalid, "\(name): expected a list of strings, got \(value.kind)")
    }
    var strings: [String] = []
    for element in elements {
      guard case .string(let text) = element else {
        throw AdminError(.invalid, "\(name): expected a list of strings, got \(element.kind) in it")
      }
      strings.append(text)
    }
    return strings
  }

  func string(_ name: String) throws(AdminError) -> String? {
    guard let value = self[name], value != .null else { return nil }
    guard case .string(let text) = value else {
      throw AdminError(.invalid, "\(name): expected a string, got \(value.kind)")
    }
    return text
  }

  func boolean(_ name: String) throws(AdminError) -> Bool? {
    guard let value = self[name], value != .null else { return nil }
    guard case .boolean(let truth) = value else {
      throw AdminError(.invalid, "\(name): expected true or false, got \(value.kind)")
    }
    return truth
  }

  func integer(_ name: String, in range: ClosedRange<Int>) throws(AdminError) -> Int? {
    guard let value = self[name], value != .null else { return nil }
    guard case .integer(let number) = value, range.contains(number) else {
      throw AdminError(.invalid, "\(name): expected a number \(range.lowerBound) ... \(range.upperBound)")
    }
    return number
  }
}

/// What an error says of a text from outside.
enum APIText {
  static func quoted(_ text: String) -> String {
    "\""
      + text.unicodeScalars.prefix(80).map { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) ? "?" : String($0) }
      .joined() + "\""
  }

  static func trimmed(_ text: Substring) -> Substring {
    var text = text.drop { $0 == " " || $0 == "\t" }
    while let last = text.last, last == " " || last == "\t" { text.removeLast() }
    return text
  }
}
