import MEDLoop

/// Finds the server that takes writes among the addresses, and gets a connection ready.
struct RedisConnector {
  let configuration: RedisConfiguration
  private var pace = ConnectPace()
  /// Where the next connection is tried first.
  private var next = 0

  init(_ configuration: RedisConfiguration) { self.configuration = configuration }

  /// The address in use has said that it isn't the right one.
  mutating func moveOn() { next += 1 }

  /// Tries each address once.
  /// - Throws: while a pause lasts, or when none can be used.
  mutating func connect(_ breaker: ConnectionBreaker) throws(RedisError) -> RedisHandle {
    try pace.check()
    var failures: [RedisError] = []
    for offset in configuration.addresses.indices {
      guard !breaker.isBroken else { break }
      let index = (next % configuration.addresses.count + offset) % configuration.addresses.count
      do throws(RedisError) {
        let handle = try connected(configuration.addresses[index], breaker)
        next = index
        pace.succeeded()
        return handle
      } catch {
        failures.append(error)
      }
    }
    guard !breaker.isBroken else { throw RedisError(.closed, "the client is closed") }
    // The one that says most of what an operator has to do: a refusal rather than silence.
    let told = failures.first { $0.server != nil } ?? failures.first
    let error = RedisError(
      .unavailable, failures.isEmpty ? "no address" : failures.map(\.message).joined(separator: "; "),
      server: told?.server)
    pace.failed(error)
    throw error
  }

  private func connected(_ address: RedisAddress, _ breaker: ConnectionBreaker) throws(RedisError) -> RedisHandle {
    let handle = try RedisHandle(address, configuration, breaker)
    var commands: [RedisCommand] = []
    if !configuration.password.isEmpty { commands.append(RedisCommand("AUTH", text: configuration.password)) }
    if configuration.databaseIndex != 0 {
      commands.append(RedisCommand("SELECT", text: "\(configuration.databaseIndex)"))
    }
    commands.append(RedisCommand("PING"))
    commands.append(RedisCommand("ROLE"))
    var output: [UInt8] = []
    for command in commands { command.write(to: &output) }
    let answers = try handle.exchange(output, replies: commands.count)
    for (command, answer) in zip(commands, answers) { try check(answer, to: command, at: address) }
    return handle
  }

  private func check(_ answer: RedisValue, to command: RedisCommand, at address: RedisAddress) throws(RedisError) {
    let name = command.words.first.map { String(decoding: $0, as: UTF8.self) } ?? ""
    switch (name, answer) {
    case ("AUTH", .error(let error)):
      // The server's text may repeat what it was sent.
      let word = error.message.prefix { $0 != " " }
      let safe = RedisServerError("\(word) AUTH was refused: a wrong password, or none is set there".utf8)
      throw RedisError(.unavailable, "\(address): \(safe)", server: safe)
    // A server, or one in between, may not know it or not allow it: the first write will show.
    case ("ROLE", .error): return
    case ("ROLE", .array(let role)):
      guard role.first?.bytes != Array("master".utf8) else { return }
      let error = RedisServerError("READONLY it is a replica".utf8)
      throw RedisError(.unavailable, "\(address): \(error)", server: error)
    case (_, .error(let error)): throw RedisError(.unavailable, "\(address): \(error)", server: error)
    default: return
    }
  }
}
