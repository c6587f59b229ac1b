import MEDAdmin
import MEDCore
import MEDCurl
import MEDLoop

/// Asks a running dispatcher for its state, at DebugAddr.
struct DebugClient: Sendable {
  /// More than the longest list of lanes needs.
  private static let maximumBytes = 64 << 20

  let address: ListenAddress
  var timeout = Duration.seconds(5)

  /// All addresses means this machine too.
  init(_ address: ListenAddress) {
    switch address.host {
    case "0.0.0.0": self.address = ListenAddress(host: "127.0.0.1", port: address.port)
    case "::": self.address = ListenAddress(host: "::1", port: address.port)
    default: self.address = address
    }
  }

  /// - Throws: in words for people: nobody there, or no dispatcher that we understand.
  func state() async throws -> DispatcherState {
    let body: [UInt8]
    switch try await get("http://\(address)/debug") {
    case .failed(let failure): throw SystemError(message: failure.message)
    case .answered(let response):
      guard response.status == 200 else {
        throw SystemError(message: "\(address) answered with status \(response.status)")
      }
      guard !response.isTruncated else { throw SystemError(message: "\(address) answered with too much") }
      body = response.body
    }
    do { return try DispatcherState(json: body) } catch {
      throw SystemError(message: "\(address) answered with something else than the state of a dispatcher")
    }
  }

  private func get(_ url: String) async throws -> HTTPAnswer {
    var configuration = HTTPClientConfiguration()
    configuration.maximumResponseBytes = Self.maximumBytes
    configuration.userAgent = "medctl/\(BuildInformation.current.version)"
    let loop = try EventLoop.start(name: "http")
    defer { loop.stop() }
    let request = HTTPRequest(url: url, timeout: timeout)
    return await LoopActor(loop: loop).run { [configuration] actor in
      let client = HTTPClient(loop: actor.loop, configuration: configuration)
      let answer = await client.send(request)
      client.close()
      return answer
    }
  }
}
