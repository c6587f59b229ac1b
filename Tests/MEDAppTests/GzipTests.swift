import Foundation
import Testing

@testable import MEDApp

@Suite("§9 statsz: gzip")
struct GzipTests {
  @Test(arguments: [0, 1, 1_000, 1_000_000])
  func `what was packed is unpacked by another program`(count: Int) throws {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* $0 / 7) }
    let packed = try #require(Gzip.compressed(bytes))
    let scratch = try Scratch()
    let file = URL(fileURLWithPath: scratch.path + "/a.gz")
    try Data(packed).write(to: file)
    let run = try ProgramRun("/bin/sh", ["-c", "gzip -dc \(file.path) > \(scratch.path)/a"])
    #expect(run.status == 0, "\(run.errors)")
    #expect(try Data(contentsOf: URL(fileURLWithPath: scratch.path + "/a")) == Data(bytes))
  }
}
