import Hummingbird
import MEDCore
import NIOCore

/// Why a request isn't answered with what it asks for.
///
/// As JSON: `{"error":{"code":"not_found","message":"there is no subscription 7"}}`.
public struct AdminError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The kinds of errors, each with its status.
  public enum Code: String, Sendable, CaseIterable {
    /// 400: the request can't be read.
    case badRequest = "bad_request"
    /// 401: a token is needed, or it is another one.
    case unauthorized
    /// 403: nobody may do that here.
    case forbidden
    /// 404: there is no such thing.
    case notFound = "not_found"
    /// 405: the path knows other methods.
    case methodNotAllowed = "method_not_allowed"
    /// 409: it doesn't go with the state that things are in.
    case conflict
    /// 413: the body is too long.
    case tooLarge = "too_large"
    /// 415: the body is no JSON.
    case unsupportedMediaType = "unsupported_media_type"
    /// 422: the request can be read, and asks for something that isn't allowed.
    case invalid
    /// 500: a bug.
    case `internal`
    /// 503: what it needs isn't there now; nothing was changed.
    case unavailable
    /// 503: it took too long; it may still be carried out.
    case timedOut = "timed_out"

    var status: HTTPResponse.Status {
      switch self {
      case .badRequest: .badRequest
      case .unauthorized: .unauthorized
      case .forbidden: .forbidden
      case .notFound: .notFound
      case .methodNotAllowed: .methodNotAllowed
      case .conflict: .conflict
      case .tooLarge: .contentTooLarge
      case .unsupportedMediaType: .unsupportedMediaType
      case .invalid: .unprocessableContent
      case .internal: .internalServerError
      case .unavailable, .timedOut: .serviceUnavailable
      }
    }
  }

  /// The kind of error.
  public let code: Code
  /// For people, without secrets.
  public let message: String
  /// Headers that go with it.
  let headers: HTTPFields

  /// An error of that kind.
  public init(_ code: Code, _ message: String) { self.init(code, message, headers: [:]) }

  init(_ code: Code, _ message: String, headers: HTTPFields) {
    self.code = code
    self.message = message
    self.headers = headers
  }

  /// What a command threw.
  public init(_ error: ControlError) {
    let code: Code =
      switch error.code {
      case .unknownCommand, .notFound: .notFound
      case .invalidArgument, .outOfBounds: .invalid
      case .conflict: .conflict
      case .unavailable, .busy, .notStored: .unavailable
      case .timedOut: .timedOut
      }
    self.init(code, error.message)
  }

  /// Code and message.
  public var description: String { "\(code.rawValue): \(message)" }

  var response: Response {
    let json: JSONValue = ["error": ["code": .string(code.rawValue), "message": .string(message)]]
    var response = Response(json, status: code.status)
    response.headers.append(contentsOf: headers)
    return response
  }
}

extension Response {
  /// JSON, in one line.
  init(_ json: JSONValue, status: HTTPResponse.Status = .ok) { self.init(json: json.bytes, status: status) }

  /// JSON that is text already.
  init(json: [UInt8], status: HTTPResponse.Status = .ok) {
    self.init(
      status: status, headers: [.contentType: "application/json; charset=utf-8"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: json)))
  }
}
