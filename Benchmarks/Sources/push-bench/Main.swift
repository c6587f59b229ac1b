import Glibc
import MEDCore
import MEDLoop
import MEDPush

/// What a push costs: form POSTs to one target, some at a time, each in a task of its own as the engine makes them.
///
/// `push-bench <url> <pushes> <at once> [body bytes]` prints one JSON line.
@main
struct PushBenchmark {
  static func main() async throws {
    let arguments = CommandLine.arguments
    guard arguments.count >= 4, let count = Int(arguments[2]), let limit = Int(arguments[3]) else {
      print("push-bench <url> <pushes> <at once> [body bytes]")
      exit(64)
    }
    let url = arguments[1]
    let body = [UInt8](repeating: UInt8(ascii: "x"), count: arguments.count > 4 ? Int(arguments[4]) ?? 300 : 300)
    let loop = try EventLoop.start(name: "bench")
    let start = ContinuousClock.now
    let cpuAtStart = cpuSeconds()
    let bad = await LoopActor(loop: loop).run { actor in
      let session = CurlPusher().open(on: actor)
      let run = Run(actor: actor, session: session, url: url, body: body, count: count, limit: limit)
      let bad = await run.finish()
      await session.close()
      return bad
    }
    let cpu = cpuSeconds() - cpuAtStart
    let elapsed = ContinuousClock.now - start
    let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
    print(
      #"{"n":\#(count),"k":\#(limit),"bad":\#(bad),"seconds":\#(seconds),"cpu_us_per_push":\#(cpu * 1e6 / Double(count))}"#
    )
  }

  private static func cpuSeconds() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(0), &usage)
    let times = [usage.ru_utime, usage.ru_stime]
    return times.reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) * 1e-6 }
  }
}

/// All pushes of one run. Confined to the loop.
private final class Run {
  private let actor: LoopActor
  private let session: any PushSession
  private let url: String
  private let body: [UInt8]
  private let count: Int
  private let limit: Int
  private var started = 0
  private var ended = 0
  private var bad = 0
  private var waiting: UnsafeContinuation<Void, Never>?

  init(actor: LoopActor, session: any PushSession, url: String, body: [UInt8], count: Int, limit: Int) {
    self.actor = actor
    self.session = session
    self.url = url
    self.body = body
    self.count = count
    self.limit = limit
  }

  func finish() async -> Int {
    await withUnsafeContinuation { continuation in
      waiting = continuation
      for _ in 0..<limit { startNext() }
    }
    return bad
  }

  private func startNext() {
    guard started < count else { return }
    started += 1
    let number = started
    actor.spawn { await self.push(number) }
  }

  private func push(_ number: Int) async {
    let request = PushRequest(
      url: "\(url)?jobid=1700000000.000000-\(number)-1&retry_times=0", target: url, body: body,
      timeout: .seconds(5), concurrency: limit)
    if case .answered(200, _, false, _) = await session.push(request) {} else { bad += 1 }
    ended += 1
    startNext()
    if ended == count { waiting?.resume() }
  }
}
