import MEDCore
import MEDCurl
import MEDLoop

/// Asks a running dispatcher over its admin API, for command line tools. Blocks.
public struct AdminClient: Sendable {
  /// More than a page with the longest texts.
  private static let maximumBytes = 64 << 20
  /// Longer than the dispatcher takes for anything.
  private static let timeout = Duration.seconds(35)

  private let access: AdminAccess

  /// A client of that API.
  public init(_ access: AdminAccess) { self.access = access }

  /// The API's address, for people.
  public var url: String { access.url }

  /// An answer that isn't an error.
  public struct Answer: Sendable {
    /// 200 ... 299, or 503 for a dispatcher that isn't ready.
    public let status: Int
    /// As it came.
    public let bytes: [UInt8]
    /// The same, read.
    public let json: JSONValue
  }

  /// Makes a request.
  /// - Parameters:
  ///   - path: behind `/api/v1`, percent-encoded where that is needed; one that begins with `//` is from the root.
  ///   - query: left out where the value is nil.
  ///   - body: sent as JSON.
  /// - Throws: ``AdminFailure``.
  public func send(
    _ method: Method, _ path: String, query: [(name: String, value: String?)] = [], _ body: JSONValue? = nil
  ) throws -> Answer {
    let place = path.hasPrefix("//") ? String(path.dropFirst()) : "/api/v1\(path)"
    let pairs = query.compactMap { pair in pair.value.map { "\(pair.name)=\(Self.encoded($0))" } }
    let url = access.url + place + (pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&"))
    var headers: [(name: String, value: String)] = []
    if !access.token.isEmpty { headers.append(("Authorization", "Bearer \(access.token)")) }
    let request = HTTPRequest(
      method.http, url: url, body: body?.bytes ?? [], contentType: body == nil ? nil : "application/json",
      headers: headers, timeout: Self.timeout)
    switch try runBlocking({ try await Self.exchange(request) }) {
    case .failed(let failure) where failure.kind == .refused:
      throw AdminFailure(.nobodyThere, "no dispatcher listens at \(access.url)")
    case .failed(let failure): throw AdminFailure(.unanswered, "\(access.url): \(failure.message)")
    case .answered(let response): return try read(response)
    }
  }

  private func read(_ response: HTTPResponse) throws -> Answer {
    guard !response.isTruncated, let json = try? JSONValue(parsing: response.body) else {
      throw AdminFailure(.unanswered, "\(access.url) answered \(response.status) with something else than JSON")
    }
    if case .string(let message) = json["error"]?["message"] {
      throw AdminFailure(.refused(status: response.status), escapeControlCharacters(message[...]))
    }
    guard (200..<300).contains(response.status) || response.status == 503 else {
      throw AdminFailure(.refused(status: response.status), "\(access.url) answered with status \(response.status)")
    }
    return Answer(status: response.status, bytes: response.body, json: json)
  }

  private static func exchange(_ request: HTTPRequest) async throws -> HTTPAnswer {
    var configuration = HTTPClientConfiguration()
    configuration.maximumResponseBytes = maximumBytes
    configuration.userAgent = "medctl/\(BuildInformation.current.version)"
    let loop = try EventLoop.start(name: "http")
    defer { loop.stop() }
    return await LoopActor(loop: loop).run { [configuration] actor in
      let client = HTTPClient(loop: actor.loop, configuration: configuration)
      let answer = await client.send(request)
      client.close()
      return answer
    }
  }

  /// As a value of a query.
  static func encoded(_ text: String) -> String {
    var result = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        result.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let hex = String(byte, radix: 16, uppercase: true)
        result += hex.utf8.count == 1 ? "%0\(hex)" : "%\(hex)"
      }
    }
    return result
  }

  /// The methods that the API knows.
  public enum Method: Sendable {
    case get, post, patch, delete

    var http: HTTPRequest.Method {
      switch self {
      case .get: .get
      case .post: .post
      case .patch: .patch
      case .delete: .delete
      }
    }
  }
}

/// Why a request to the admin API came to nothing.
public struct AdminFailure: Error, Sendable, Equatable, CustomStringConvertible {
  /// The kinds of failures.
  public enum Kind: Sendable, Equatable {
    /// The connection was refused.
    case nobodyThere
    /// It could not be reached, or didn't answer as an API does.
    case unanswered
    /// It answered with an error.
    case refused(status: Int)
  }

  /// The kind of failure.
  public let kind: Kind
  /// For people.
  public let description: String

  init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }
}
