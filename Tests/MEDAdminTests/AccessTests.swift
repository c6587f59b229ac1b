import MEDTestSupport
import Testing

@testable import MEDAdmin

@Suite("§8 Admin API: tokens and hosts")
struct AccessTests {
  private func check(
    _ rules: AccessRules, _ method: String, authorization: [String] = [], host: String? = "127.0.0.1:5680"
  ) -> AdminError.Code? {
    do throws(AdminError) {
      try rules.check(method: .init(method)!, authorization: authorization, host: host)
      return nil
    } catch {
      return error.code
    }
  }

  private let withToken = AccessRules(token: "secret", isOpenToOthers: false)
  private let withoutToken = AccessRules(token: "", isOpenToOthers: false)
  private let toOthers = AccessRules(token: "secret", isOpenToOthers: true)

  @Test(arguments: ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"])
  func `a change needs the token, and without one configured nobody may`(method: String) {
    #expect(check(withToken, method) == .unauthorized)
    #expect(check(withToken, method, authorization: ["Bearer secret"]) == nil)
    #expect(check(withToken, method, authorization: ["bearer  secret"]) == nil)
    #expect(check(withoutToken, method) == .forbidden)
    #expect(check(withoutToken, method, authorization: ["Bearer "]) == .forbidden)
    #expect(check(withoutToken, method, authorization: ["Bearer x"]) == .forbidden)
  }

  @Test(arguments: [
    "Bearer secre", "Bearer secrets", "Bearer Secret", "Bearer", "Bearer ", "Basic secret", "secret", "",
  ])
  func `anything but the token is refused, for reads too`(value: String) {
    #expect(check(withToken, "GET", authorization: [value]) == .unauthorized)
    #expect(check(withToken, "POST", authorization: [value]) == .unauthorized)
    #expect(check(withToken, "POST", authorization: ["Bearer secret", value]) == .unauthorized)
  }

  @Test func `where others can reach it everything needs the token`() {
    #expect(check(toOthers, "GET") == .unauthorized)
    #expect(check(toOthers, "GET", authorization: ["Bearer secret"], host: "medispatcher.example") == nil)
    #expect(check(AccessRules(token: "", isOpenToOthers: true), "GET") == .forbidden)
  }

  @Test(
    arguments: [
      "127.0.0.1", "127.0.0.1:5680", "localhost", "LocalHost:80", "[::1]", "[::1]:5680", "10.0.0.7:1", "[fe80::1]:1",
    ])
  func `reads without a token are for addresses and localhost`(host: String) {
    #expect(check(withToken, "GET", host: host) == nil)
    #expect(check(withoutToken, "GET", host: host) == nil)
  }

  @Test(
    arguments: [
      "evil.example", "evil.example:5680", "localhost.evil.example", "127.0.0.1.evil.example", "1.2.3", "1.2.3.256", "",
      "[::1", "[evil]:80", "127.0.0.1:x", "::1", "0x7f.0.0.1",
    ])
  func `no name of a web site gets in`(host: String) {
    #expect(check(withToken, "GET", host: host) == .forbidden)
    #expect(check(withToken, "GET", authorization: ["Bearer secret"], host: host) == nil)
  }

  @Test func `tokens are compared to their ends`() {
    #expect(AccessRules.isEqual(Array("abc".utf8), Array("abc".utf8)))
    for wrong in ["", "a", "ab", "abcabc", "abd", "xbc"] {
      #expect(!AccessRules.isEqual(Array(wrong.utf8), Array("abc".utf8)), "\(wrong)")
    }
    #expect(!AccessRules.isEqual([], []))
  }
}
