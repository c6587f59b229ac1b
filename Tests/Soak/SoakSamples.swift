import Foundation
import TestStage

/// What the dispatcher's process looked like every ten seconds.
struct SoakSamples {
  private struct Sample {
    var memoryKiB = 0
    var descriptors = 0
    var sockets = 0
    var threads = 0
    var arrived = 0
  }

  /// May differ by so much between the middle third of the time and the last one.
  private static let tolerance = 0.10

  private var samples: [Sample] = []
  private let file: FileHandle?
  private let start = ContinuousClock.now
  private var requestsBefore = 0

  init(csv: String?) {
    if let csv { _ = FileManager.default.createFile(atPath: csv, contents: nil) }
    file = csv.flatMap { FileHandle(forWritingAtPath: $0) }
    write("seconds,memory_kib,descriptors,sockets,threads,deliveries_per_s,backlog\n")
  }

  mutating func take(of process: pid_t, _ ledger: SoakLedger, left: Duration) {
    let status = Self.status(of: process)
    let links = Self.descriptors(of: process)
    let requests = ledger.requests
    let sample = Sample(
      memoryKiB: status["VmRSS"] ?? 0, descriptors: links.count, sockets: links.count { $0.hasPrefix("socket:") },
      threads: status["Threads"] ?? 0, arrived: ledger.arrived)
    samples.append(sample)
    let backlog = ledger.published - sample.arrived
    let rate = (requests - requestsBefore) / 10
    requestsBefore = requests
    let seconds = Int((ContinuousClock.now - start) / .seconds(1))
    write(
      "\(seconds),\(sample.memoryKiB),\(sample.descriptors),\(sample.sockets),\(sample.threads),\(rate),\(backlog)\n")
    if samples.count % 6 == 1 {
      say(
        "\(seconds) s: \(sample.memoryKiB / 1024) MiB, \(sample.descriptors) descriptors, \(sample.sockets) sockets, "
          + "\(sample.threads) threads, \(rate) deliveries/s, \(backlog) under way, \(Int(left / .seconds(60))) min left"
      )
    }
  }

  /// Prints the figures by thirds of the time.
  /// - Returns: whether none of them has grown from the second to the third.
  func report() -> Bool {
    let third = samples.count / 3
    guard third > 0 else { return true }
    var isFlat = true
    say("of each third           first    second     third")
    func row(_ name: String, _ value: (Sample) -> Int, place: Double, slack: Int) {
      let values = (0..<3).map { part in
        samples[part * third..<(part + 1) * third].map(value).sorted()[Int(Double(third - 1) * place)]
      }
      let bound = Double(values[1]) * (1 + Self.tolerance) + Double(slack)
      let verdict = Double(values[2]) <= bound ? "" : "  has grown"
      if !verdict.isEmpty { isFlat = false }
      let columns = values.map { String(repeating: " ", count: max(1, 10 - "\($0)".count)) + "\($0)" }
      say(name.padding(toLength: 20, withPad: " ", startingAt: 0) + columns.joined() + verdict)
    }
    row("median memory KiB", \.memoryKiB, place: 0.5, slack: 1024)
    // Kept connections follow the number of pushes under way, which follows what else the machine does. One that leaks
    // is there in the quietest moments too.
    row("least descriptors", \.descriptors, place: 0.1, slack: 5)
    row("least sockets", \.sockets, place: 0.1, slack: 5)
    row("median threads", \.threads, place: 0.5, slack: 1)
    return isFlat
  }

  private func write(_ line: String) { try? file?.write(contentsOf: Data(line.utf8)) }

  /// The numbers of /proc/<pid>/status.
  private static func status(of process: pid_t) -> [String: Int] {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8) else { return [:] }
    var result: [String: Int] = [:]
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, let number = parts[1].split(whereSeparator: \.isWhitespace).first.flatMap({ Int($0) })
      else { continue }
      result[String(parts[0])] = number
    }
    return result
  }

  private static func descriptors(of process: pid_t) -> [String] {
    let directory = "/proc/\(process)/fd"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    return names.compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\($0)") }
  }
}
