import Testing

@testable import MEDCurl

@Suite("§5 URLs and headers")
struct HTTPURLTests {
  @Test(arguments: ["http://a", "https://a.example:8080/x?y=%20#z", "HTTP://A", "http://u:p@[::1]:80/"])
  func `an ASCII URL of http or https is asked for`(url: String) {
    #expect(HTTPURL.objection(to: url) == nil)
  }

  @Test(arguments: [
    "", "a.example/x", "ftp://a/", "file:///etc/passwd", "http:/a", "http://", "http://a/b c", "http://a/\r\nX: y",
    "http://a/\u{0}", "http://a/\u{7F}", "http://ä.example/", " http://a", "gopher://a", "http",
  ])
  func `any other URL is refused`(url: String) {
    #expect(HTTPURL.objection(to: url)?.kind == .invalidURL)
  }

  @Test func `the origin is all before the path`() {
    #expect(HTTPURL.origin(of: "http://a:1/b?c") == "http://a:1")
    #expect(HTTPURL.origin(of: "https://a?b/c") == "https://a")
    #expect(HTTPURL.origin(of: "https://a") == "https://a")
  }

  @Test func `user and password are masked wherever they stand`() {
    let url = "http://bob:s3cret@a/b@c"
    #expect(HTTPURL.masking("bob:s3cret@a failed, s3cret", credentialsOf: url) == "***@a failed, ***")
    #expect(HTTPURL.masking(url, credentialsOf: url) == "http://***@a/b@c")
    #expect(HTTPURL.masking("http://a/@b", credentialsOf: "http://a/@b") == "http://a/@b")
    for proxy in ["socks5://bob:s3cret@a:1080", "bob:s3cret@a:1080"] {
      #expect(HTTPURL.masking("bob:s3cret, s3cret", credentialsOf: proxy) == "***, ***")
    }
  }

  @Test func `a header with a line end, a NUL or a bad name is not sent`() {
    #expect(HTTPHeader.isSendable(name: "X-A", value: "b, c: ü"))
    #expect(HTTPHeader.isSendable(name: "X-A", value: ""))
    for value in ["a\r\nX: y", "a\n", "\r", "a\u{0}b"] { #expect(!HTTPHeader.isSendable(name: "X-A", value: value)) }
    for name in ["", "X A", "X:", "X\r\nY", "Ü"] { #expect(!HTTPHeader.isSendable(name: name, value: "a")) }
  }
}
