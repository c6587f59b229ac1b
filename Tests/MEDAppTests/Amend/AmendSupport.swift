import MEDCore
import MEDTestSupport
import Testing

@testable import MEDApp

extension BeanstalkdServer {
  var queueServer: QueueServerAddress { QueueServerAddress(host: "127.0.0.1", port: port) }

  /// Jobs that lie buried in a tube that nobody watches, and delayed ones that no kick may wake.
  func bury(_ count: Int, in tube: String, delayed: Int = 0) throws {
    let client = try client()
    for _ in 0..<count {
      try client.put("x", into: tube)
      let job = try #require(try client.reserve(from: tube))
      try client.bury(job.id)
    }
    for _ in 0..<delayed { try client.put("later", into: tube, delay: 3600) }
    guard count > 0, tube != "default" else { return }
    // The server may notice the end of a connection later than the next one's questions.
    #expect(try client.ask("watch default").first == "WATCHING")
    #expect(try client.ask("ignore \(tube)").first == "WATCHING")
  }

  /// Does something to the server once, right before the client that comes by way of the proxy hears of `text`.
  func proxy(before text: String, _ body: @escaping @Sendable (PlainBeanstalk) throws -> Void) throws -> FaultProxy {
    let proxy = try FaultProxy(to: self)
    let witness = Witness(self)
    proxy.add(
      .custom(.toClient) { piece in
        if piece.firstRange(of: Array(text.utf8)) != nil { witness.once(body) }
        return .forward
      })
    return proxy
  }
}

/// A connection that is made when something happens, and lives as long as the test does.
private final class Witness: Sendable {
  private let server: BeanstalkdServer
  private let client = MEDTestSupport.Locked<PlainBeanstalk?>(nil)

  init(_ server: BeanstalkdServer) { self.server = server }

  func once(_ body: @Sendable (PlainBeanstalk) throws -> Void) {
    client.withLock { client in
      guard client == nil else { return }
      do {
        let made = try server.client()
        try body(made)
        client = made
      } catch {
        Issue.record(error)
      }
    }
  }
}

extension FaultProxy {
  var queueServer: QueueServerAddress { QueueServerAddress(host: "127.0.0.1", port: port) }

  /// Replaces `text` by `other` wherever it comes by in one piece on its way to the client.
  func replace(_ text: String, by other: String) {
    add(
      .custom(.toClient) { piece in
        guard let range = piece.firstRange(of: Array(text.utf8)) else { return .forward }
        return .replace(Array(piece[..<range.lowerBound] + Array(other.utf8) + piece[range.upperBound...]))
      })
  }
}

extension AmendRequest {
  init(_ servers: QueueServerAddress..., change: (inout AmendRequest) -> Void = { _ in }) {
    self.init(servers: servers)
    change(&self)
  }

  func run() async throws -> AmendReport {
    try await Amender.run(self, progress: ProgressBar("", isShown: false))
  }
}

extension AmendReport.Server {
  func tube(_ name: String) throws -> AmendReport.Tube { try #require(tubes.first { $0.name == name }) }
}
