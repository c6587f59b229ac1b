import Testing

@testable import MEDCore

@Suite("§7 Parameters")
struct ParameterTests {
  private let table = ParameterTable()

  @Test func `a subscription without rows has the defaults of the configuration`() {
    var defaults = SubscriptionDefaults()
    defaults.sendersPerChannel = 4
    defaults.sendersPerRetryChannel = 3
    defaults.intervalOfSendingMilliseconds = 20
    defaults.processTimeoutMilliseconds = 7_000
    let parameters = ParameterTable(defaults).read([:]).parameters
    #expect(parameters.concurrency == 4)
    #expect(parameters.concurrencyOfRetry == 3)
    #expect(parameters.intervalOfSending == .milliseconds(20))
    #expect(parameters.processTimeout == .seconds(7))
    #expect(parameters.alerterEnabled)
    #expect(!parameters.receivesBenchMessages)
    #expect(parameters.alarmInterval == .seconds(180))
    #expect(parameters.intervalOfErrorMonitorAlert == .seconds(180))
    #expect(parameters.messageFailureAlertThreshold == 7)
    #expect(parameters.subscriptionTotalFailureAlertThreshold == 120)
    #expect(parameters.messageBlockedAlertThreshold == 5_000)
    #expect(parameters.dropMessageThreshold == 0)
    #expect(parameters.dropAction == .keep)
    #expect(parameters.ackMode == .status)
    #expect(parameters.payloadFormat == .form)
    #expect(parameters.signingSecret == "")
  }

  @Test(arguments: ParameterName.allCases)
  func `every parameter takes its text and gives it back by name`(name: ParameterName) throws {
    let text: String =
      switch table[name].kind {
      case .integer(let range): "\(range.upperBound)"
      case .boolean: table[name].defaultValue == .boolean(true) ? "false" : "1"
      case .choice(let names): names.last ?? ""
      case .text: "someone@example.org"
      case .signingSecret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
      case .targets: "http://127.0.0.1:8080/in"
      }
    let (parameters, warnings) = table.read([name.rawValue: text])
    #expect(warnings.isEmpty)
    #expect(parameters[name] == (try table.validate(name.rawValue, text)))
    #expect(parameters[name] != table[name].defaultValue)
  }

  @Test func `a number above its bound counts as the bound and warns`() {
    let (parameters, warnings) = table.read(["Concurrency": "99999999999999999999", "ProcessTimeout": "30001"])
    #expect(parameters.concurrency == 10)
    #expect(parameters.processTimeout == .seconds(30))
    #expect(warnings.map(\.name) == ["Concurrency", "ProcessTimeout"])
    #expect(warnings[0].description == "Concurrency: expected 1 ... 10, got \"99999999999999999999\"")
    #expect(warnings[1].allowed == "1 ... 30000 ms")
  }

  @Test(arguments: ["0", "-1", "-99999999999999999999", "two", "1.5", "0x3", "１"])
  func `a number that is none, or below its bound, counts as absent and warns`(text: String) {
    let (parameters, warnings) = table.read(["Concurrency": text, "IntervalOfSending": "5"])
    #expect(parameters.concurrency == 1)
    #expect(parameters.intervalOfSending == .milliseconds(5))
    #expect(warnings.map(\.name) == ["Concurrency"])
    #expect(warnings.first?.found == text)
  }

  @Test func `an empty value counts as absent`() {
    let (parameters, warnings) = table.read(["Concurrency": "", "AlerterEnabled": " ", "AckMode": ""])
    #expect(warnings.isEmpty)
    #expect(parameters == table.defaultParameters)
  }

  @Test func `names that aren't known are ignored by the table and refused by a set command`() {
    #expect(table.read(["Colour": "blue"]).warnings.isEmpty)
    #expect(throws: ParameterError(code: .unknownName, name: "concurrency", found: "", allowed: "Concurrency")) {
      _ = try table.validate("concurrency", "1")
    }
  }

  @Test(arguments: [("1", true), ("0", false), ("true", true), ("FALSE", false), (" 1 ", true)])
  func `booleans are 0, 1, true or false`(text: String, value: Bool) throws {
    #expect(try table.validate("AlerterEnabled", text) == .boolean(value))
  }

  @Test(arguments: [
    ("Concurrency", "11"), ("Concurrency", "0"), ("ConcurrencyOfRetry", "-3"), ("IntervalOfSending", "-1"),
    ("ProcessTimeout", "30001"), ("AlerterEnabled", "yes"), ("AckMode", "HTTP"), ("PayloadFormat", "xml"),
    ("DropMessageThresholdAction", "3"), ("AlerterEmails", "a@b\nBcc: c"), ("ReceptionUri", "ftp://host/"),
    ("Concurrency", ""),
  ])
  func `a set command is refused with the bound it breaks`(name: String, text: String) throws {
    let error = try #require(throws: ParameterError.self) { _ = try table.validate(name, text) }
    #expect(error.description.contains(name))
    #expect(!error.allowed.isEmpty)
  }

  @Test func `a secret that is refused is not shown`() throws {
    let secret = String(repeating: "s", count: 513)
    let error = try #require(throws: ParameterError.self) { _ = try table.validate("SigningSecret", secret) }
    #expect(!error.description.contains("sss"))
  }

  @Test func `bounds that contradict each other stop nothing`() {
    var defaults = SubscriptionDefaults()
    defaults.maxSendersPerChannel = -5
    defaults.sendersPerChannel = 7
    defaults.maxProcessTimeoutMilliseconds = .max
    let parameters = ParameterTable(defaults).read(["ProcessTimeout": "99999999999"]).parameters
    #expect(parameters.concurrency == 1)
    #expect(parameters.processTimeout == .milliseconds(Int32.max))
  }

  @Test func `a value stays small`() {
    #expect(MemoryLayout<SubscriptionParameters>.size <= 160)
  }
}
