import MEDCore
import MEDLoop

/// Messages wait in one or more beanstalkds.
public struct BeanstalkQueue: MessageQueue {
  /// Where they are, in the order of the configuration.
  public let servers: [QueueServerAddress]
  /// How the session with each behaves.
  public let configuration: BeanstalkConfiguration

  /// A queue on servers whose addresses have been read.
  public init(servers: [QueueServerAddress], configuration: BeanstalkConfiguration = .init()) {
    self.servers = servers
    self.configuration = configuration
  }

  /// A queue on servers that are named as in the configuration file.
  /// - Parameters:
  ///   - servers: `host:port`, or `host` for port 11300; each may be several with commas between.
  ///   - configuration: how the session with each behaves.
  /// - Throws: `.badAddress`, naming the one that can't be read.
  public init(servers: [String], configuration: BeanstalkConfiguration = .init()) throws(BeanstalkError) {
    var addresses: [QueueServerAddress] = []
    for list in servers { addresses += try QueueServerAddress.list(list) }
    self.init(servers: addresses, configuration: configuration)
  }

  /// Begins to connect to each server.
  public func open(on actor: isolated LoopActor) -> [any QueueServer] { connect(on: actor) }

  /// As ``open(on:)``, with the sessions' own type.
  public func connect(on actor: isolated LoopActor) -> [BeanstalkServer] {
    let buffer = ReadBuffer()
    return servers.map { address in
      BeanstalkServer(
        Endpoint(actor: actor, address: address, configuration: configuration, readBuffer: buffer))
    }
  }
}

extension QueueServerAddress {
  /// Reads `host:port,host:port`; without a port it is 11300; IPv6 addresses in brackets. Blanks around and a comma too many
  /// don't matter.
  /// - Throws: `.badAddress`, naming the one that can't be read; also if there is none at all.
  public static func list(_ text: String) throws(BeanstalkError) -> [QueueServerAddress] {
    var addresses: [QueueServerAddress] = []
    for part in text.split(separator: ",") {
      let trimmed = part.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed()
      if trimmed.isEmpty { continue }
      addresses.append(try QueueServerAddress(parsing: String(trimmed)))
    }
    guard !addresses.isEmpty else { throw BeanstalkError(.badAddress, "no queue server is named in \"\(text)\"") }
    return addresses
  }

  /// Reads one `host:port`, or `host` for port 11300; an IPv6 address in brackets if a port follows.
  /// - Throws: `.badAddress`.
  public init(parsing text: String) throws(BeanstalkError) {
    func bad(_ why: String) -> BeanstalkError { BeanstalkError(.badAddress, "queue server \"\(text)\": \(why)") }
    var host = Substring(text)
    var port: Substring?
    if text.hasPrefix("[") {
      guard let close = text.firstIndex(of: "]") else { throw bad("] is missing") }
      host = text[text.index(after: text.startIndex)..<close]
      let rest = text[text.index(after: close)...]
      guard rest.isEmpty || rest.hasPrefix(":") else { throw bad("host:port expected") }
      port = rest.isEmpty ? nil : rest.dropFirst()
    } else if let colon = text.lastIndex(of: ":"), text.firstIndex(of: ":") == colon {
      host = text[..<colon]
      port = text[text.index(after: colon)...]
    }
    guard !host.isEmpty, host.allSatisfy({ $0.isASCII && !$0.isWhitespace && $0 != "/" }) else {
      throw bad("host:port expected")
    }
    guard let port else {
      self.init(host: String(host))
      return
    }
    guard port.allSatisfy({ $0.isASCII && $0.isNumber }), let number = UInt16(port), number > 0 else {
      throw bad("the port must be 1 ... 65535")
    }
    self.init(host: String(host), port: number)
  }
}
