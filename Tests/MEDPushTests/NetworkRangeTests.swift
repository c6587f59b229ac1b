import Testing

@testable import MEDCurl

@Suite("§5 Denied networks")
struct NetworkRangeTests {
  private func isIn(_ address: String, _ range: String) throws -> Bool {
    try #require(NetworkRange(range)).contains(#require(NetworkAddress(address)))
  }

  @Test(arguments: [
    ("10.1.2.3", "10.0.0.0/8"), ("10.1.2.3", "10.9.9.9/8"), ("192.168.7.9", "192.168.7.9"), ("8.8.8.8", "0.0.0.0/0"),
    ("127.255.255.255", "127.0.0.0/8"), ("fe80::1", "fe80::/10"), ("febf:ffff::1", "fe80::/10"), ("::1", "::1"),
    ("2001:db8::7", "::/0"), ("2001:db8:1::", "2001:db8:1::/48"),
    ("10.1.2.3", "::ffff:10.0.0.0/104"), ("::ffff:10.1.2.3", "10.0.0.0/8"),
  ])
  func `an address is in a range that shares its leading bits`(address: String, range: String) throws {
    #expect(try isIn(address, range))
  }

  @Test(arguments: [
    ("11.0.0.0", "10.0.0.0/8"), ("192.168.7.8", "192.168.7.9"), ("fec0::", "fe80::/10"), ("fe7f:ffff::", "fe80::/10"),
    ("10.0.0.1", "::/0"), ("::1", "0.0.0.0/0"), ("2001:db8:2::", "2001:db8:1::/48"), ("126.255.255.255", "127.0.0.0/8"),
  ])
  func `an address is not in a range of other bits or of the other family`(address: String, range: String) throws {
    #expect(try !isIn(address, range))
  }

  @Test(arguments: [
    "", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0.0/0008", "10.0.0/8",
    "host/8",
    "fe80::/129", "fe80:::/10", " 10.0.0.0/8", "10.0.0.0 /8", "::ffff:10.0.0.0/95", "10.0.0.0/99999999999999999999",
  ])
  func `what is no range is refused`(text: String) {
    #expect(NetworkRange(text) == nil)
  }

  @Test(arguments: ["169.254.169.254", "::ffff:169.254.169.254", "fe80::a9fe:a9fe"])
  func `cloud metadata is in the default`(address: String) throws {
    let address = try #require(NetworkAddress(address))
    #expect(HTTPClientConfiguration().deniedNetworks.contains { $0.contains(address) })
  }
}
