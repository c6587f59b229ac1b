import Testing

@testable import MEDBeanstalk

@Suite("§16 Errors of the queue client")
struct ErrorTests {
  @inline(never)
  private func makeErrorHere() -> BeanstalkError { BeanstalkError(.protocolViolation, "nonsense") }

  @Test func `an error carries its place and the calls that led to it, in a bounded number`() {
    let error = makeErrorHere()
    #expect(error.description == "nonsense (protocolViolation, \(error.location))")
    #expect(error.location.hasPrefix("MEDBeanstalkTests/ErrorTests.swift:"))
    let calls = error.stack.description.split(separator: " < ")
    // Calls of this program: its name and a place in it.
    let place = try? Regex(#"^[A-Za-z0-9_.-]+\+0x[0-9a-f]+$"#)
    #expect(calls.contains { text in place.map { text.contains($0) } ?? false }, "\(calls)")
    #expect((2...StackTrace.depth).contains(calls.count) && !error.stack.description.contains("\n"))
  }
}
