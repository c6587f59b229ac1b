import Glibc
import Testing

@testable import MEDCore

@Suite("§6 DATA log: lines")
struct DataLineFormatterTests {
  let time = RecordTime("2026-11-23T04:27:01.123456Z") ?? RecordTime(microseconds: 0)

  func line(_ record: DataRecord) -> String {
    var bytes: [UInt8] = []
    DataLineFormatter.append(record, at: time, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func `a failed redistribution names everything and holds the payload in base64`() {
    let record = DataRecord(
      .redistributionFailed, topic: "order_paid", subscription: 352, queueServer: "127.0.0.1:11300",
      tube: "order_paid/sub-queue/352", jobID: 12, reason: "connection refused", payload: Array("Hello".utf8))
    #expect(
      line(record) == """
        2026-11-23T04:27:01.123456Z REDISTFAIL {"topic":"order_paid","subscription":352,\
        "queue_server":"127.0.0.1:11300","tube":"order_paid/sub-queue/352","job_id":12,\
        "reason":"connection refused","payload":"SGVsbG8="}\n
        """)
  }

  @Test func `a sent message shows the push and its body as JSON`() {
    let push = DataRecord.Push(
      jobID: "1448252821.123456-12-352", delivered: true, status: 200, elapsed: .microseconds(12_345),
      target: "http://127.0.0.1/in", body: Array(#"{"a":[1,2]}"#.utf8))
    #expect(
      line(DataRecord(.sent, topic: "order_paid", subscription: 352, push: push)) == """
        2026-11-23T04:27:01.123456Z SENT {"topic":"order_paid","subscription":352,\
        "jobid":"1448252821.123456-12-352","result":"ok","status":200,"elapsed_ms":12.345,\
        "target":"http://127.0.0.1/in","body":{"a":[1,2]}}\n
        """)
    let failed = DataRecord.Push(
      jobID: "1", delivered: false, status: -1, elapsed: .milliseconds(-5), target: "", body: [])
    #expect(
      line(DataRecord(.resent, push: failed)) == """
        2026-11-23T04:27:01.123456Z RESENT {"jobid":"1","result":"failed","status":-1,"elapsed_ms":0.000,\
        "target":"","body":null}\n
        """)
  }

  @Test func `fields that do not apply are left out`() {
    #expect(line(DataRecord(.dropped)) == "2026-11-23T04:27:01.123456Z DROPPED {}\n")
    #expect(line(DataRecord(.kickFailed, jobID: .max)).hasSuffix(" KICKFAIL {\"job_id\":18446744073709551615}\n"))
    #expect(line(DataRecord(.deleteFailed, subscription: .min)).contains("{\"subscription\":-9223372036854775808}"))
  }

  @Test(arguments: RecordKind.allCases)
  func `every kind stands in the line by its name and is read again`(kind: RecordKind) throws {
    let record = DataRecord(kind, topic: "t", reason: "r")
    #expect(line(record) == "2026-11-23T04:27:01.123456Z \(kind.rawValue) {\"topic\":\"t\",\"reason\":\"r\"}\n")
    #expect(try DataLogLine(parsing: line(record).utf8) == DataLogLine(time: time, record: record))
  }

  @Test func `no text can begin a line of its own`() throws {
    let everyControl = String(String.UnicodeScalarView((0...0x7F).compactMap { Unicode.Scalar($0) }))
    for evil in [
      "\n2026-11-23T04:27:01.123456Z SENT {}\n", "\"}\n", "\\", "\\\"", "\r\n", "\u{0}", everyControl, "ü€😀\u{2028}",
    ] {
      let push = DataRecord.Push(
        jobID: evil, delivered: true, status: 200, elapsed: .zero, target: evil, body: Array("[1,\n2\r\n]".utf8))
      var record = DataRecord(
        .resent, topic: evil, queueServer: evil, tube: evil, reason: evil, payload: Array(evil.utf8), push: push)
      let text = line(record)
      #expect(text.utf8.count { $0 < 0x20 } == 1 && text.utf8.last == 0x0A)
      record.push?.body = Array("[1, 2  ]".utf8)
      #expect(try DataLogLine(parsing: text.utf8).record == record)
    }
  }

  @Test func `control characters are escaped as JSON wants them`() {
    #expect(
      line(DataRecord(.dropped, reason: "a\"b\\c\n\r\t\u{1}\u{1F}\u{7F}")).hasSuffix(
        #"{"reason":"a\"b\\c\n\r\t\u0001\u001f"# + "\u{7F}\"}\n"))
  }
}

@Suite("§6 DATA log: times")
struct RecordTimeTests {
  @Test func `days are the ones that the C library computes`() {
    for day in stride(from: -719_528, through: 2_932_896, by: 97) {
      var seconds = time_t(day * 86_400 + 86_399)
      var parts = tm()
      gmtime_r(&seconds, &parts)
      var buffer = [CChar](repeating: 0, count: 64)
      strftime(&buffer, buffer.count, "%m-%dT%H:%M:%S", &parts)
      let rest = buffer.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
      let year = String(10_000 + Int(parts.tm_year) + 1900).dropFirst()
      let time = RecordTime(microseconds: Int64(seconds) * 1_000_000 + 7)
      #expect(time.description == "\(year)-\(rest).000007Z")
      #expect(RecordTime(time.description) == time)
    }
  }

  @Test func `times that no four digits can tell print as the nearest one`() {
    #expect(RecordTime(microseconds: .min).description == "0000-01-01T00:00:00.000000Z")
    #expect(RecordTime(microseconds: .max).description == "9999-12-31T23:59:59.999999Z")
    #expect(RecordTime(microseconds: -1).description == "1969-12-31T23:59:59.999999Z")
  }

  @Test(
    arguments: [
      ("1970-01-01T00:00:00Z", 0), ("1970-01-01t00:00:01z", 1_000_000), ("1970-01-01T01:00:00+01:00", 0),
      ("1969-12-31T23:30:00.5-00:30", 500_000), ("1970-01-01T00:00:00.123456789Z", 123_456),
      ("1970-01-01T00:00:60Z", 60_000_000), ("2000-02-29T00:00:00Z", 951_782_400_000_000),
    ] as [(String, Int64)])
  func `RFC 3339 is read`(text: String, microseconds: Int64) {
    #expect(RecordTime(text)?.microseconds == microseconds)
  }

  @Test(arguments: [
    "", "1970", "1970-01-01", "1970-01-01T00:00:00", "1970-01-01 00:00:00Z", "1970-13-01T00:00:00Z",
    "1970-00-01T00:00:00Z", "1970-01-00T00:00:00Z", "1970-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
    "1970-04-31T00:00:00Z", "1970-01-01T24:00:00Z", "1970-01-01T00:60:00Z", "1970-01-01T00:00:61Z",
    "1970-01-01T00:00:00.Z", "1970-01-01T00:00:00.1234567890Z", "1970-01-01T00:00:00Zx", "1970-01-01T00:00:00+1:00",
    "1970-01-01T00:00:00+24:00", "-970-01-01T00:00:00Z", "1970-01-01T00:00:0٣Z",
  ])
  func `anything else is refused`(text: String) {
    #expect(RecordTime(text) == nil)
  }
}

@Suite("§6 DATA log: base64")
struct DataLogBase64Tests {
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
    ("foobar", "Zm9vYmFy"),
  ])
  func `RFC 4648's examples`(plain: String, encoded: String) {
    var text: [UInt8] = []
    Base64.append(Array(plain.utf8), to: &text)
    #expect(String(decoding: text, as: UTF8.self) == encoded)
    #expect(Base64.decode(Array(encoded.utf8)) == Array(plain.utf8))
  }

  @Test func `all bytes come back`() {
    for length in 0...256 {
      let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ length) }
      var text: [UInt8] = []
      Base64.append(bytes, to: &text)
      #expect(Base64.decode(text) == bytes)
    }
  }

  @Test(arguments: ["A", "AA", "AAA", "A===", "====", "AA=A", "Zh==", "Zm9=", "Zg==Zg==", "Zm9v\n", "Zm 9", "Zm9v-_=="])
  func `what no encoder makes is refused`(text: String) {
    #expect(Base64.decode(Array(text.utf8)) == nil)
  }
}
