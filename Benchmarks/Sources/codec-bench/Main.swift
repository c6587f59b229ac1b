import MEDCore

/// Prints what the codec costs, in µs per operation: the median of many short rounds, and the fastest one.
///
/// `swift run -c release --package-path Benchmarks codec-bench [part of a name]`
@main
enum CodecBench {
  static func main() throws {
    let small = Samples.message(bodyOf: 120)
    let large = Samples.message(bodyOf: 1024)
    let chinese = Samples.message(of: Samples.chinese(1024))
    let smallEnvelope = try Envelope(small)
    let largeEnvelope = try Envelope(large)
    let chineseEnvelope = try Envelope(chinese)
    let jobID = largeEnvelope.pushJobID(subscription: 352)
    let answer = Array(#"{"status":1,"message":"ok","data":{"id":12345,"list":[1,2,3]}}"#.utf8)

    try report("index, \(small.count) bytes") { try Envelope(small).body.count }
    try report("index, \(large.count) bytes") { try Envelope(large).body.count }
    try report("index and set OriginJobId, \(small.count) bytes") {
      try Envelope(small).setting(originJobID: 123_456).count
    }
    report("set RetryTimes and LogId, \(large.count) bytes") {
      largeEnvelope.setting(retryTimes: 3, logID: 123_456).count
    }
    report("jobid") { smallEnvelope.pushJobID(subscription: 352).utf8.count }
    try report("form, body of \(smallEnvelope.body.count) bytes") {
      try PushBody.form(jobID: jobID, retryTimes: 0, envelope: smallEnvelope).count
    }
    try report("form, body of \(largeEnvelope.body.count) bytes") {
      try PushBody.form(jobID: jobID, retryTimes: 0, envelope: largeEnvelope).count
    }
    try report("form, body of \(chineseEnvelope.body.count) bytes, Chinese") {
      try PushBody.form(jobID: jobID, retryTimes: 0, envelope: chineseEnvelope).count
    }
    try report("json, body of \(largeEnvelope.body.count) bytes") { try PushBody.json(largeEnvelope).count }
    report("verdict, answer of \(answer.count) bytes") {
      PushVerdict(status: 200, body: answer, truncated: false, mode: .status) == .delivered ? 1 : 0
    }
  }

  /// Runs rounds of about a millisecond and prints the median round.
  private static func report(_ name: String, _ operation: () throws -> Int) rethrows {
    if let part = CommandLine.arguments.dropFirst().first, !name.contains(part) { return }
    let clock = ContinuousClock()
    let perRound = 500
    var rounds: [Double] = []
    var sum = 0
    for _ in 0..<400 {
      let elapsed = try clock.measure { for _ in 0..<perRound { sum &+= try operation() } }
      rounds.append(elapsed / .microseconds(1) / Double(perRound))
    }
    rounds.sort()
    print("\(text(rounds[rounds.count / 2])) \(text(rounds[0])) µs  \(name)\(sum == 0 ? " (nothing done)" : "")")
  }

  private static func text(_ microseconds: Double) -> String {
    let digits = String(Int(microseconds * 1000 + 0.5))
    let padded = String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    return "\(padded.dropLast(3)).\(padded.suffix(3))"
  }
}
