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
    #expect(calls.contains { $0.contains("makeErrorHere") }, "\(calls)")
    #expect(calls.count <= StackTrace.depth && !error.stack.description.contains("\n"))
  }
}
