import MEDBeanstalk
import MEDCore
import MEDLoop

/// A message that is ready to be put into the main queue.
public struct PublishJob: Sendable {
  public let body: [UInt8]
  public let priority: UInt32
  /// Whole seconds.
  public let delay: UInt32
}

/// Where command line tools publish to.
public protocol Publishing: AnyObject {
  /// Stores all jobs, or says why not. Returns when each one is confirmed.
  func publish(_ jobs: [PublishJob]) throws
}

/// Publishes over a connection of its own to the first queue server that answers. It never watches the main queue: who does
/// is taken for a dispatcher.
public final class BeanstalkPublisher: Publishing {
  private static let patience = Duration.seconds(3)

  private let putter: TubePutter
  private let loop: EventLoop
  private let tube: TubeName

  /// - Throws: when none of the servers can be reached, naming the last one's reason.
  public init(servers: [QueueServerAddress], tube: String) throws {
    guard let name = TubeName(tube) else { throw SystemError(message: "\(quoted(tube)) is not the name of a tube") }
    let loop = try EventLoop.start(name: "publish")
    do {
      putter = try runBlocking { try await Self.connect(to: servers, name, LoopActor(loop: loop)) }
    } catch {
      loop.stop()
      throw error
    }
    self.loop = loop
    self.tube = name
  }

  deinit { loop.stop() }

  private static func connect(
    to servers: [QueueServerAddress], _ tube: TubeName, _ actor: LoopActor
  ) async throws -> TubePutter {
    var configuration = BeanstalkConfiguration.forTools
    configuration.firstConnectPatience = patience
    var failure = SystemError(message: "there are no queue servers")
    for server in servers {
      let putter = await TubePutter.start(server, tube: tube, configuration: configuration, on: actor)
      let condition = await putter.firstConnect()
      if condition.isReachable { return putter }
      failure = SystemError(message: "can't connect to \(server) (\(condition.latestError.message))")
    }
    throw failure
  }

  public func publish(_ jobs: [PublishJob]) throws {
    let puts = jobs.map { Put(tube: tube, body: $0.body, delay: $0.delay, priority: $0.priority) }
    let putter = putter
    for outcome in try runBlocking({ await putter.put(puts) }) {
      switch outcome {
      case .stored: continue
      case .tooBig: throw SystemError(message: "\(putter.address) answered put with JOB_TOO_BIG")
      case .refused(let answer):
        throw SystemError(message: "\(putter.address) answered put with \(escapeControlCharacters(answer[...]))")
      case .unanswered: throw SystemError(message: "\(putter.address) didn't answer a put: stored or not, nobody knows")
      case .unavailable: throw SystemError(message: "\(putter.address) can't be reached any more")
      }
    }
  }
}

/// A message as a producer makes it (SPEC §3).
public struct OutgoingMessage: Sendable {
  public var topic: String
  public var sender = ""
  public var priority: UInt32 = 1024
  public var delay: UInt32 = 0
  private let body: [UInt8]

  /// - Parameter json: the payload as JSON text.
  /// - Throws: a description of where it isn't JSON.
  public init(topic: String, json: [UInt8]) throws {
    self.topic = topic
    body = try JSONToMessagePack.convert(json)
  }

  /// The message in msgpack, with the present moment as its Time.
  public func job() -> PublishJob {
    var writer = MessagePackWriter()
    writer.map(sender.isEmpty ? 5 : 6)
    writer.string("MsgKey")
    writer.string(topic)
    if !sender.isEmpty {
      writer.string("Sender")
      writer.string(sender)
    }
    writer.string("Time")
    writer.double(Double(Timestamp.now().microseconds) / 1_000_000)
    writer.string("Priority")
    writer.integer(UInt64(priority))
    writer.string("Delay")
    writer.integer(UInt64(delay))
    writer.string("Body")
    writer.raw(body)
    return PublishJob(body: writer.bytes, priority: priority, delay: delay)
  }

  /// The payloads of a text: one JSON value, or one on each line.
  public static func payloads(in text: [UInt8]) throws -> [[UInt8]] {
    do {
      _ = try JSONToMessagePack.convert(text)
      return [text]
    } catch let whole {
      let lines = text.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }.map(Array.init)
      guard lines.count > 1 else { throw whole }
      for (index, line) in lines.enumerated() {
        do { _ = try JSONToMessagePack.convert(line) } catch {
          // A value that goes on over lines fails at its first one: then the text as a whole is what is wrong.
          throw index == 0 ? SystemError(message: "\(whole)") : SystemError(message: "line \(index + 1): \(error)")
        }
      }
      return lines
    }
  }
}

/// `medctl publish`: puts messages in batches, telling how far it is.
public struct PublishRun {
  /// What one write carries.
  static let batch = 64

  public static func run(
    _ messages: [OutgoingMessage], count: Int, to target: any Publishing, progress: (_ done: Int, _ of: Int) -> Void
  ) throws {
    let total = messages.count * count
    var done = 0
    while done < total {
      let jobs = (done..<min(done + batch, total)).map { messages[$0 % messages.count].job() }
      try target.publish(jobs)
      done += jobs.count
      progress(done, total)
    }
  }
}
