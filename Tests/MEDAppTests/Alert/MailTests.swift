import Foundation
import MEDTestSupport
import Testing

@testable import MEDApp
@testable import MEDCore

@Suite("§15 Mails for the local mail program")
struct MailTests {
  private static func mail(
    _ template: String = "{@Content@}\n", from: String = "medispatcher@x.example", subject: String = "the subject",
    content: String = "line 1\nline 2", to recipient: String = "a@x.example"
  ) -> (head: [String], body: String) {
    let parcel = GatewayStage.parcel(to: recipient, subject: subject, content: content)
    let text = String(decoding: Mail(parcel, from: from, AlertTemplate(text: template)).bytes, as: UTF8.self)
    let parts = text.firstRange(of: "\n\n")!
    return (text[..<parts.lowerBound].components(separatedBy: "\n"), String(text[parts.upperBound...]))
  }

  private static func decoded(_ body: String) -> String {
    String(decoding: Data(base64Encoded: body.filter { !$0.isNewline }) ?? Data(), as: UTF8.self)
  }

  @Test func `a mail has its recipient, sender, subject and text`() {
    let mail = Self.mail()
    #expect(
      mail.head == [
        "From: medispatcher@x.example", "Subject: the subject", "To: a@x.example",
        "Date: Wed, 18 Nov 2026 11:06:40 +0000", "Auto-Submitted: auto-generated", "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64",
      ])
    #expect(Self.decoded(mail.body) == "line 1\nline 2\n")
  }

  @Test func `a template that is a whole mail keeps its header, but for recipients`() {
    let mail = Self.mail(
      "Subject: [ops] {@Subject@}\r\nFrom: Ops <{@From@}>\r\nTo: everybody@x.example\r\nBcc: spy@x.example\r\nX-A: 1\r\n 2\r\n"
        + "Content-Type: text/html; charset=utf-8\r\n\r\n<p>{@Content@}</p>")
    #expect(
      mail.head.prefix(5) == [
        "Subject: [ops] the subject", "From: Ops <medispatcher@x.example>", "X-A: 1 2",
        "Content-Type: text/html; charset=utf-8", "To: a@x.example",
      ])
    #expect(!mail.head.contains { $0.contains("everybody") || $0.contains("spy") })
    #expect(Self.decoded(mail.body) == "<p>line 1\nline 2</p>")
  }

  @Test func `a template that says how its text is encoded is left as it is`() {
    let mail = Self.mail("Subject: x\nContent-Transfer-Encoding: 8bit\n\n{@Content@}")
    #expect(mail.body == "line 1\nline 2")
    let parts = Self.mail("Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n{@Content@}")
    #expect(parts.body == "--b\n\nline 1\nline 2" && !parts.head.contains { $0.contains("base64") })
  }

  @Test(arguments: ["Alert: {@Subject@}\n\n{@Content@}", "Subject: no empty line\n{@Content@}", "{@Content@}", "\n\nx"])
  func `a text that only looks like a header is a text`(template: String) {
    let mail = Self.mail(template)
    #expect(mail.head.filter { $0.hasPrefix("Subject:") } == ["Subject: the subject"])
    #expect(Self.decoded(mail.body) == AlertTemplate(text: template).filled(GatewayStage.parcel().alert, from: ""))
  }

  @Test func `nothing of an alert, a sender or a template begins a header field`() {
    let hostile = "x\r\nBcc: spy@x.example\n\nbody\u{0}\u{2028}y"
    for template in ["{@Content@}", "Subject: {@Subject@} {@Content@}\nX-From: {@From@}\n\n{@Content@}"] {
      let mail = Self.mail(template, from: hostile, subject: hostile, content: hostile)
      #expect(!mail.head.contains { $0.lowercased().hasPrefix("bcc") }, "\(mail.head)")
      #expect(mail.head.allSatisfy { $0.contains(": ") && !$0.unicodeScalars.contains { $0.value < 0x20 } })
      #expect(mail.head.count { $0.hasPrefix("To: ") } == 1)
    }
  }

  @Test func `what isn't ASCII is encoded in words of bounded length, and addresses stay readable`() throws {
    let subject = String(repeating: "订单", count: 60)
    let mail = Self.mail(from: "值班 <ops@x.example>", subject: subject)
    #expect(mail.head.allSatisfy { $0.utf8.allSatisfy { (0x20..<0x7F).contains($0) } && $0.utf8.count <= 998 })
    #expect(mail.head.first == "From: =?UTF-8?B?5YC854+tIA==?= <ops@x.example>")
    let start = try #require(mail.head.firstIndex { $0.hasPrefix("Subject: ") })
    let words = mail.head[start...].prefix { $0.hasPrefix("Subject: ") || $0.hasPrefix(" ") }
    let text = words.map { line -> String in
      let word = line.replacing("Subject: ", with: "").trimmingCharacters(in: .whitespaces)
      #expect(word.count <= 75 && word.hasPrefix("=?UTF-8?B?") && word.hasSuffix("?="))
      return Self.decoded(String(word.dropFirst(10).dropLast(2)))
    }
    #expect(text.joined() == subject)
  }

  @Test(arguments: ["a@x.example", "root", "a+b.c_d@x-y.example"])
  func `an address is one`(address: String) { #expect(MailAddress.isUsable(address)) }

  @Test(arguments: [
    "", "-oQ/tmp", "a b@x", "a@x,b@x", "a@x\nBcc: b@x", "a@x\r", "<a@x>", "a@x;b@x", "\"a\"@x", "值@x", "a:b@x",
    "a(b)@x",
    String(repeating: "a", count: 255), "a@x\u{0}", "a\\b@x", "|sh", "/etc/passwd",
  ])
  func `what isn't one address is refused`(address: String) { #expect(!MailAddress.isUsable(address)) }
}

@Suite("§15 Templates of alerts")
struct AlertTemplateTests {
  private static let alert = GatewayStage.parcel().alert

  @Test func `places are filled once, and what isn't a place stays`() {
    let alert = GatewayStage.parcel(subject: "{@Content@}", content: "{@From@} {@").alert
    let template = AlertTemplate(text: "{@From@}: {@Subject@} | {@Content@} | {@Nothing@} {@ @} {@From@}{@")
    #expect(
      template.filled(alert, from: "{@Subject@}")
        == "{@Subject@}: {@Content@} | {@From@} {@ | {@Nothing@} {@ @} {@Subject@}{@")
  }

  @Test func `files are read when they are used, and a missing one is told once`() async throws {
    let directory = try TemporaryDirectory("templates")
    let log = NotedLines()
    let files = TemplateFiles(logger: log.logger)
    #expect(await files.template(.sms, in: directory.path) == .sms)
    #expect(await files.template(.sms, in: directory.path) == .sms)
    #expect(log.lines.count == 1 && log.lines[0].contains("MessageSendingFailed.sms"))
    try directory.write("{@Subject@}!", to: "MessageSendingFailed.sms")
    #expect(await files.template(.sms, in: directory.path).filled(Self.alert, from: "") == "the subject!")
    try directory.write("{@Subject@}?", to: "MessageSendingFailed.sms")
    #expect(await files.template(.sms, in: directory.path).filled(Self.alert, from: "") == "the subject?")
    #expect(await files.template(.mail, in: directory.path) == .mail)
    #expect(await files.template(.mail, in: "") == .mail)
    #expect(log.lines.count == 2)
  }

  @Test func `one that is too long, empty or no text isn't used`() async throws {
    let directory = try TemporaryDirectory("templates")
    let log = NotedLines()
    for bytes in [Data(repeating: 0x78, count: TemplateFiles.maximumBytes + 1), Data(), Data([0xFF, 0xFE])] {
      try bytes.write(to: URL(fileURLWithPath: directory.file("MessageSendingFailed.eml")))
      #expect(await TemplateFiles(logger: log.logger).template(.mail, in: directory.path) == .mail)
    }
    #expect(log.lines.count == 3)
    try Data(repeating: 0x78, count: TemplateFiles.maximumBytes).write(
      to: URL(fileURLWithPath: directory.file("MessageSendingFailed.eml")))
    #expect(await TemplateFiles(logger: log.logger).template(.mail, in: directory.path) != .mail)
  }

  @Test func `what is no file isn't waited for`() async throws {
    let directory = try TemporaryDirectory("templates")
    #expect(mkfifo(directory.file("MessageSendingFailed.eml"), 0o600) == 0)
    let log = NotedLines()
    #expect(await TemplateFiles(logger: log.logger).template(.mail, in: directory.path) == .mail)
    #expect(log.lines.count == 1 && log.lines[0].contains("is no file"))
  }

  @Test func `the shipped examples have all places`() async throws {
    let directory = DocumentPlace.file("Docs/etc/templates").path
    let log = NotedLines()
    for kind in [TemplateFiles.Kind.mail, .sms] {
      let template = await TemplateFiles(logger: log.logger).template(kind, in: directory)
      let text = template.filled(Self.alert, from: "the sender")
      #expect(text.contains("the subject") && text.contains("line 1\nline 2") && text.contains("the sender"))
      #expect(!text.contains("{@"))
    }
    #expect(log.lines.isEmpty)
    let mail = await TemplateFiles(logger: log.logger).template(.mail, in: directory)
    #expect(Mail.parts(of: mail.text).head.contains { $0.name == "Subject" })
  }
}
