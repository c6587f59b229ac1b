import MEDMySQL
import Testing

@Suite("§7 [Database] Options")
struct OptionsTests {
  @Test func `options of existing configs are understood`() {
    let (options, problems) = MySQLOptions.parse(
      "readTimeout=20s&writeTimeout=1m30s&charset=utf8mb4,utf8&timeout=500ms&parseTime=true&loc=Asia%2FShanghai"
        + "&collation=utf8mb4_unicode_ci&interpolateParams=true&autocommit=true&allowNativePasswords=True")
    #expect(problems == [])
    #expect(options.readTimeout == .seconds(20))
    #expect(options.writeTimeout == .seconds(90))
    #expect(options.connectTimeout == .seconds(1), "whole seconds, at least one")
    #expect(options.tls == .off)
    #expect(MySQLOptions.parse("").options == MySQLOptions())
    #expect(MySQLOptions.parse("?readTimeout=5s").options.readTimeout == .seconds(5))
    #expect(MySQLOptions.parse("readTimeout=5s&readTimeout=1.5h").options.readTimeout == .seconds(3600))
  }

  @Test(arguments: [
    ("false", MySQLOptions.TLS.off), ("true", .verified), ("skip-verify", .unverified), ("preferred", .preferred),
    ("custom", .verified),
  ])
  func `tls has Go's words, and what isn't known is as strict as can be`(word: String, tls: MySQLOptions.TLS) {
    #expect(MySQLOptions.parse("tls=\(word)").options.tls == tls)
    #expect(MySQLOptions.parse("tls=\(word)").problems.isEmpty == (word != "custom"))
  }

  @Test func `files for TLS are paths`() {
    let (options, problems) = MySQLOptions.parse("tlsCA=%2Fetc%2Fca.pem&tlsCert=/c.pem&tlsKey=/k.pem")
    #expect(problems == [])
    #expect(options.tls == .verified)
    #expect([options.caFile, options.certificateFile, options.keyFile] == ["/etc/ca.pem", "/c.pem", "/k.pem"])
    #expect(MySQLOptions.parse("tlsCA=ca.pem").problems.count == 1)
    #expect(MySQLOptions.parse("tlsCert=/c.pem").problems.map(\.name) == ["tlsCert"])
    #expect(MySQLOptions.parse("tlsCA=/ca.pem&tls=preferred").options.tls == .preferred)
  }

  @Test(arguments: [
    ("readTimeout=20", "readTimeout"), ("readTimeout=", "readTimeout"), ("readTimeout=-1s", "readTimeout"),
    ("readTimeout=0", "readTimeout"), ("readTimeout=2h", "readTimeout"), ("readTimeout=1..5s", "readTimeout"),
    ("timeout=s", "timeout"), ("charset=latin1", "charset"), ("readTimeout", "readTimeout"), ("tlsCA=%zz", "tlsCA"),
    ("allowCleartextPasswords=maybe", "allowCleartextPasswords"), ("tlsCA=/a%00b", "tlsCA"), ("=", ""),
    ("readTimeout=99999999999999999999h", "readTimeout"), ("nope=1", "nope"), ("readtimeout=1s", "readtimeout"),
  ])
  func `what can't be used is told by its name, and the default holds`(text: String, name: String) {
    let (options, problems) = MySQLOptions.parse(text)
    #expect(problems.map(\.name) == [name])
    #expect(options.connectTimeout == .seconds(10))
    #expect(options.readTimeout == .seconds(20) || text.hasSuffix("h"))
    #expect(!options.allowsCleartextPasswords && options.caFile.isEmpty)
  }

  @Test func `the value of an option that isn't known is told nowhere`() {
    let problems = MySQLOptions.parse("passwort=geheim&\u{1B}[2Jx=y").problems
    #expect(problems.map(\.description) == ["passwort: unknown option, ignored", "?[2Jx: unknown option, ignored"])
  }

  @Test func `problems are bounded, and nothing traps`() {
    #expect(MySQLOptions.parse(String(repeating: "x=1&", count: 5_000)).problems.count == 20)
    var generator = SystemRandomNumberGenerator()
    let pieces = [
      "readTimeout", "tls", "tlsCA", "=", "&", "%", "%4", "é", "1h", "s", "\0", "?", "charset", "9e9", "µs",
    ]
    for _ in 0..<2_000 {
      let text = (0..<Int.random(in: 0...12)).map { _ in pieces.randomElement(using: &generator) ?? "" }.joined()
      let (options, _) = MySQLOptions.parse(text)
      #expect(MySQLOptions.timeoutRange.contains(options.readTimeout), "\(text)")
    }
  }
}
