import MEDCore
import Testing

@testable import MEDApp

@Suite("§14 medctl: where the admin API is, and the token for it")
struct AdminAccessTests {
  private func settings(_ text: String) throws -> Settings {
    try Configuration.parse(text, path: "c.toml").settings
  }

  @Test func `the config file tells both, the command line wins`() throws {
    let settings = try settings("[Admin]\nAddr = \"0.0.0.0:5680\"\nToken = \"t\"\n")
    let access = try #require(try AdminAccess(url: nil, tokenFile: nil, settings: settings, environment: [:]))
    #expect(access.url == "http://127.0.0.1:5680" && access.token == "t" && !access.isNamed && access.isForChanges)
    let named = try #require(
      try AdminAccess(url: "https://proxy.example/", tokenFile: nil, settings: nil, environment: [:]))
    #expect(named.url == "https://proxy.example" && named.token == "" && named.isNamed && named.isForChanges)
    let scratch = try Scratch()
    try "from-file\nsecond line\n".write(toFile: scratch.path + "/token", atomically: true, encoding: .utf8)
    let file = try AdminAccess(url: nil, tokenFile: scratch.path + "/token", settings: settings, environment: [:])
    #expect(file?.token == "from-file")
  }

  @Test func `without a token changes go into the store, and an address that is off is none`() throws {
    let access = try AdminAccess(url: nil, tokenFile: nil, settings: Settings(), environment: [:])
    #expect(access?.url == "http://127.0.0.1:5680" && access?.isForChanges == false)
    let environment = ["MEDISPATCHER_ADMIN_TOKEN": "e"]
    #expect(try AdminAccess(url: nil, tokenFile: nil, settings: Settings(), environment: environment)?.token == "e")
    let off = try settings("[Admin]\nAddr = \"\"\n")
    #expect(try AdminAccess(url: nil, tokenFile: nil, settings: off, environment: [:]) == nil)
  }

  @Test(arguments: ["", "127.0.0.1:5680", "ftp://a", "http://user:password@a", "http://a?b", "http://a b", "http://ü"])
  func `what is no URL of an API is refused`(url: String) {
    #expect(throws: UsageError.self) { try AdminAccess(url: url, tokenFile: nil, settings: nil, environment: [:]) }
  }

  @Test(arguments: ["", "\n", "a b\n", "\u{1}"])
  func `a file without a token is refused`(text: String) throws {
    let scratch = try Scratch()
    try text.write(toFile: scratch.path + "/token", atomically: true, encoding: .utf8)
    #expect(throws: (any Error).self) {
      try AdminAccess(url: "http://a", tokenFile: scratch.path + "/token", settings: nil, environment: [:])
    }
  }

  @Test func `values of a query are percent-encoded`() {
    #expect(AdminClient.encoded("a/b c&ü=%\n") == "a%2Fb%20c%26%C3%BC%3D%25%0A")
  }

  @Test func `no secret is in the listing of the configuration`() throws {
    let text = """
      [Database]
      Password = "hunter1"
      DbName = "d"
      [Push]
      Proxy = "http://user:hunter2@proxy:3128"
      [Admin]
      Token = "hunter3"
      [Etcd]
      Password = "hunter4"
      [AlerterEmail]
      Password = "hunter5"
      """
    let configuration = try Configuration.parse(text, path: "c.toml")
    let listing = ConfigListing(configuration: configuration, live: LiveSettings(configuration.settings)).json
    let shown = String(decoding: listing.bytes, as: UTF8.self)
    #expect(!shown.contains("hunter"))
    #expect(shown.contains("(hidden)"))
    guard case .array(let options) = listing["options"] else {
      Issue.record("no options")
      return
    }
    #expect(options.count == ConfigOption.all.count)
  }

  @Test(
    arguments: [
      ("\"http://a/b\"", "\"http://a/b\""), ("\"http://u:p@a/b\"", "\"http://…@a/b\""),
      ("[\"http://u:p@a\", \"http://u:p@b\"]", "[\"http://…@a\", \"http://…@b\"]"), ("\"a@b\"", "\"a@b\""),
      ("\"http://a/?x=@\"", "\"http://a/?x=@\""),
    ])
  func `what a URL holds before its host isn't shown`(text: String, shown: String) {
    #expect(ConfigListing.withoutCredentials(text) == shown)
  }
}
