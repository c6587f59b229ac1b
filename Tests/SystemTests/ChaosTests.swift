import Foundation
import MEDTestSupport
import Testing

@Suite("§1 No message is ever lost: chaos", .showsServerOutput)
struct ChaosTests {
  /// A short form of `make chaos`, with other faults each time.
  @Test func `every message is accounted for after kills, stops, bad answers and full disks`() async throws {
    let seed = Int.random(in: 1...1_000_000)
    let run = try await ServerProcess.run(
      BuiltBinary.path("chaos"),
      ["--seed", "\(seed)", "--messages", "3000", "--faults", "12", "--retries", "1", "--json"], within: .seconds(180))
    #expect(run.status == .code(0), "chaos --seed \(seed) --messages 3000 --faults 12 --retries 1\n\(run.errors)")
    let result = try #require(try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    #expect(result["published"] as? Int == 3000)
    #expect(result["owed"] as? Int == 9000)
    #expect(result["missing"] as? Int == 0)
    let accounted = ["delivered", "queued", "recorded"].compactMap { result[$0] as? Int }
    #expect(accounted.reduce(0, +) == 9000)
    #expect((result["records"] as? [String: Int])?["EXHAUSTED"] ?? 0 >= 60)
  }

  @Test(arguments: [
    ["--messages", "99"], ["--faults", "1001"], ["--retries", "6"], ["--mode", "none"], ["--seed", "-1"],
  ])
  func `a value out of its bounds is a usage error`(arguments: [String]) async throws {
    #expect(try await ServerProcess.run(BuiltBinary.path("chaos"), arguments).status == .code(64))
  }
}
