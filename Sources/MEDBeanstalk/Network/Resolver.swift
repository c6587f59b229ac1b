import Glibc
import MEDLoop

/// Finds the addresses of one host name without blocking the loop.
///
/// getaddrinfo runs on a thread of its own, one at a time: however long it hangs, and however often connections ask,
/// there is at most one such thread per server. Literal addresses need none. Confined to its loop.
final class Resolver {
  private let actor: LoopActor
  private let host: String
  private let port: UInt16
  private var waiting: [UnsafeContinuation<Result<[SocketAddress], LookupError>, Never>] = []

  init(actor: LoopActor, host: String, port: UInt16) {
    self.actor = actor
    self.host = host
    self.port = port
  }

  func addresses() async throws(BeanstalkError) -> [SocketAddress] {
    if case .success(let literal) = SocketAddress.lookUp(host, port: port, numericOnly: true) { return literal }
    let result = await withUnsafeContinuation { continuation in
      waiting.append(continuation)
      if waiting.count == 1 { startThread() }
    }
    switch result {
    case .success(let addresses) where !addresses.isEmpty: return addresses
    case .success: throw BeanstalkError(.unresolved, "\(host) has no address")
    case .failure(let error): throw BeanstalkError(.unresolved, "\(host) can't be resolved: \(error)", cause: error)
    }
  }

  private func finish(_ result: Result<[SocketAddress], LookupError>) {
    let resumed = waiting
    waiting = []
    for continuation in resumed { continuation.resume(returning: result) }
  }

  private func startThread() {
    let lookup = Unmanaged.passRetained(Lookup(actor: actor, host: host, port: port, resolver: self))
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        Unmanaged<Lookup>.fromOpaque(argument).takeRetainedValue().run()
        return nil
      }, lookup.toOpaque())
    guard code == 0 else {
      lookup.release()
      return finish(.failure(LookupError(code: EAI_AGAIN)))
    }
    pthread_detach(thread)
  }

  /// What the thread is given.
  private final class Lookup: @unchecked Sendable {  // why: the thread only carries `resolver`; it is used on the loop
    private let actor: LoopActor
    private let host: String
    private let port: UInt16
    private let resolver: Resolver

    init(actor: LoopActor, host: String, port: UInt16, resolver: Resolver) {
      self.actor = actor
      self.host = host
      self.port = port
      self.resolver = resolver
    }

    func run() {
      let result = SocketAddress.lookUp(host, port: port, numericOnly: false)
      actor.loop.submit { self.resolver.finish(result) }
    }
  }
}
