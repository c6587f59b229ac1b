import MEDCore
import Testing

@Suite("§5 What counts as success")
struct PushVerdictTests {
  private let acknowledged = Array(#"{"status":1}"#.utf8)

  @Test func `status 200 with a JSON status of 1 is a success`() {
    #expect(PushVerdict(status: 200, body: acknowledged, truncated: false, mode: .status) == .delivered)
  }

  @Test(arguments: [100, 199, 201, 204, 301, 302, 400, 404, 429, 500, 503, 0, -1])
  func `any other HTTP status is a failure, whatever the body says`(status: Int) {
    #expect(
      PushVerdict(status: status, body: acknowledged, truncated: false, mode: .status) == .failed(.status(status)))
  }

  @Test(arguments: [
    ("", PushVerdict.Reason.notJSON), ("ok", .notJSON), (#"{"status":1}x"#, .notJSON), ("[1]", .notAnObject),
    ("{}", .noStatus), (#"{"status":0}"#, .statusNotOne), (#"{"status":"ok"}"#, .statusNotOne),
  ])
  func `every other answer is a failure with its reason`(body: String, reason: PushVerdict.Reason) {
    #expect(PushVerdict(status: 200, body: Array(body.utf8), truncated: false, mode: .status) == .failed(reason))
  }

  @Test func `an answer that is too long is a failure, even if what was read looks whole`() {
    #expect(PushVerdict(status: 200, body: acknowledged, truncated: true, mode: .status) == .failed(.truncated))
  }

  @Test(arguments: [200, 201, 204, 299])
  func `with AckMode http any 2xx is a success, whatever the body is`(status: Int) {
    for truncated in [true, false] {
      #expect(PushVerdict(status: status, body: [0xff], truncated: truncated, mode: .http) == .delivered)
    }
  }

  @Test(arguments: [199, 300, 404, 500])
  func `with AckMode http all else is a failure`(status: Int) {
    #expect(
      PushVerdict(status: status, body: acknowledged, truncated: false, mode: .http) == .failed(.status(status)))
  }

  @Test func `each reason has a text and a label of its own`() {
    let reasons: [PushVerdict.Reason] = [
      .status(302), .status(404), .status(500), .status(0), .truncated, .notJSON, .notAnObject, .noStatus,
      .statusNotOne,
    ]
    #expect(Set(reasons.map(\.description)).count == reasons.count)
    #expect(Set(reasons.map { "\($0.metricLabel)" }).count == reasons.count)
    #expect(PushVerdict.Reason.status(503).description == "HTTP status 503")
  }
}
