import Testing

@testable import MEDCore

@Suite("§5 Targets")
struct TargetTests {
  private static let lines = """
    http://plain/one
    [T_ENV:Blue] http://blue/
    [t_env:green]http://green/

    https://plain/two
    """

  @Test(arguments: [
    ("", ["http://plain/one", "https://plain/two"]), ("blue", ["http://blue/"]), ("GREEN", ["http://green/"]),
    ("red", ["http://plain/one", "https://plain/two"]),
  ])
  func `lines with the tag of this environment count alone, otherwise the untagged ones`(
    environment: String, urls: [String]
  ) {
    let (targets, ignored) = Targets.parse(Self.lines, environment: environment)
    #expect(targets.all.map(\.url) == urls)
    #expect(ignored.isEmpty)
  }

  @Test func `a tagged line that can't be used still keeps the untagged ones out`() {
    let (targets, ignored) = Targets.parse("http://plain/\n[T_ENV:blue]nowhere", environment: "blue")
    #expect(targets.isEmpty)
    #expect(ignored.map(\.line) == [2])
  }

  @Test func `carriage returns and spaces around a line don't matter`() {
    let targets = Targets.parse("  http://a/ \r\n\r\n\thttp://b/\r\n", environment: "").targets
    #expect(targets.all.map(\.url) == ["http://a/", "http://b/"])
  }

  @Test(arguments: [
    ("ftp://host/", Target.Problem.scheme), ("host/path", .scheme), ("http:/host", .scheme), ("", .scheme),
    ("http://", .scheme), ("http:///path", .host), ("http://?x", .host), ("https://user@/", .host),
    ("http://ho st/", .forbiddenCharacter), ("http://host/\u{7F}", .forbiddenCharacter),
    ("http://host/a\tb", .forbiddenCharacter), ("http://host/\0", .forbiddenCharacter), ("http://h\\@x/", .host),
    ("http://host:0/", .port), ("http://host:65536/", .port), ("http://host:8o/", .port),
    ("http://[::1/", .host), ("http://[]/", .host), ("http://[::1]x/", .host), ("http://bücher.example/", .host),
    ("http://host/" + String(repeating: "x", count: 8_192), .tooLong),
  ])
  func `what isn't an http URL with a host is no target`(text: String, problem: Target.Problem) {
    #expect(throws: problem) { try Target.parse(text).get() }
  }

  @Test(arguments: [
    "http://host", "HTTPS://Host/Path", "http://user:pw@host:8080/a?b=c", "http://[::1]:80/", "http://127.0.0.1:1",
    "http://host_a/",
  ])
  func `an http or https URL with a host is a target`(text: String) throws {
    #expect(try Target.parse(text).get().url == text)
  }

  @Test func `a URL of 8,192 bytes is a target, and a longer one is not`() {
    #expect(Target.maximumLength == 8_192)
    let prefix = "http://host/"
    let longest = prefix + String(repeating: "x", count: 8_192 - prefix.utf8.count)
    #expect(throws: Never.self) { try Target.parse(longest).get() }
    #expect(throws: Target.Problem.tooLong) { try Target.parse(longest + "x").get() }
  }

  @Test func `bytes that aren't ASCII are percent-encoded`() throws {
    #expect(try Target.parse("http://host/ü?q=é").get().url == "http://host/%C3%BC?q=%C3%A9")
  }

  @Test(arguments: [
    ("http://h/p@x", "http://h/p@x"), ("http://bob:s3cret@h:1/p?a=@b", "http://***@h:1/p?a=@b"),
    ("HTTPS://token@[::1]/", "HTTPS://***@[::1]/"), ("http://a@b@h", "http://***@h"),
  ])
  func `user and password are shown nowhere`(text: String, shown: String) throws {
    let target = try Target.parse(text).get()
    #expect("\(target)" == shown)
    #expect(target.url == text)
  }

  @Test(arguments: [
    ("http://h/p", "http://h/p?jobid=1.5-2-3&retry_times=4"),
    ("http://h/p?a=b", "http://h/p?a=b&jobid=1.5-2-3&retry_times=4"),
    ("http://h/p?", "http://h/p?jobid=1.5-2-3&retry_times=4"),
    ("http://h/p?a&", "http://h/p?a&jobid=1.5-2-3&retry_times=4"),
    ("http://h/p?a=b#c?d", "http://h/p?a=b&jobid=1.5-2-3&retry_times=4"),
    ("http://h#c", "http://h?jobid=1.5-2-3&retry_times=4"),
  ])
  func `job id and retry times are appended to the query`(text: String, url: String) throws {
    #expect(try Target.parse(text).get().url(jobID: "1.5-2-3", retryTimes: 4) == url)
  }
}

@Suite("§5 Target choice")
struct TargetChoiceTests {
  private let start = ContinuousClock.Instant.now
  private let targets = Targets.parse("http://a/\nhttp://b/\nhttp://c/", environment: "").targets

  private func hosts(_ choice: inout TargetChoice, _ count: Int, after: Duration = .zero) -> String {
    (0..<count).map { _ in choice.next(at: start + after)?.url.dropFirst(7).first.map(String.init) ?? "-" }.joined()
  }

  @Test func `pushes go to all targets in turn`() {
    var choice = TargetChoice(targets)
    #expect(hosts(&choice, 6) == "abcabc")
  }

  @Test func `no target is no choice`() {
    var choice = TargetChoice(Targets.parse("", environment: "").targets)
    #expect(choice.next(at: start) == nil)
  }

  @Test func `a target that refused is passed over until its pause is over, then tried with one push`() {
    var choice = TargetChoice(targets)
    choice.refused(targets.all[1], at: start)
    #expect(hosts(&choice, 4) == "acac")
    #expect(hosts(&choice, 4, after: .milliseconds(999)) == "acac")
    #expect(hosts(&choice, 6, after: .seconds(1)) == "abcaca")
    choice.answered(targets.all[1])
    #expect(hosts(&choice, 3, after: .seconds(1)) == "bca")
  }

  @Test func `pauses grow to half a minute while probes are refused`() {
    var choice = TargetChoice(targets)
    var now = start
    choice.refused(targets.all[0], at: now)
    for pause in [1, 2, 4, 8, 16, 30, 30] {
      let early = now + .seconds(pause) - .milliseconds(1)
      #expect((0..<3).allSatisfy { _ in choice.next(at: early) != targets.all[0] })
      now += .seconds(pause)
      #expect((0..<3).contains { _ in choice.next(at: now) == targets.all[0] })
      choice.refused(targets.all[0], at: now)
    }
  }

  @Test func `pushes that are refused together count once`() {
    var choice = TargetChoice(targets)
    for _ in 0..<50 { choice.refused(targets.all[0], at: start) }
    #expect(hosts(&choice, 3, after: .seconds(1)).contains("a"))
  }

  @Test func `when all have refused, all are used`() {
    var choice = TargetChoice(targets)
    for target in targets.all { choice.refused(target, at: start) }
    #expect(Set(hosts(&choice, 3)) == ["a", "b", "c"])
    var single = TargetChoice(Targets.parse("http://a/", environment: "").targets)
    single.refused(targets.all[0], at: start)
    #expect(single.next(at: start) == targets.all[0])
  }

  @Test func `changed targets keep what is known of those that stay`() {
    var choice = TargetChoice(targets)
    choice.refused(targets.all[0], at: start)
    choice.replace(Targets.parse("http://d/\nhttp://a/", environment: "").targets)
    #expect(hosts(&choice, 3) == "ddd")
    #expect(choice.isPassedOver(targets.all[0]))
  }
}
