import MEDCore

/// A file of trusted certificates (PEM).
enum CertificateFile {
  /// More than all authorities of a system have.
  static let maximumBytes = 16 << 20

  /// Why the file at `path` can't be one; nil if it can. Blocks.
  ///
  /// Looks at its form alone: whether it can be read, and holds base64 of ASN.1 between marks.
  static func problem(_ path: String) -> String? {
    let bytes: [UInt8]
    do { bytes = try readFile(path, atMost: maximumBytes) } catch { return error.message }
    var count = 0
    var block: [UInt8]?
    for line in bytes.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
      if isMark("-----BEGIN ", line) {
        block = []
      } else if isMark("-----END ", line) {
        guard let text = block, let der = Base64.decode(text), der.first == 0x30 else {
          return "\(path) has a certificate that is none, the one with the number \(count + 1)"
        }
        block = nil
        count += 1
      } else {
        block?.append(contentsOf: line.filter { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") })
      }
    }
    if block != nil { return "\(path) ends within a certificate" }
    return count > 0 ? nil : "\(path) holds no certificate (PEM)"
  }

  /// `-----BEGIN CERTIFICATE-----`, also `TRUSTED CERTIFICATE` and `X509 CERTIFICATE`.
  private static func isMark(_ mark: String, _ line: ArraySlice<UInt8>) -> Bool {
    guard line.starts(with: mark.utf8) else { return false }
    return line.count >= 24 && line.firstRange(of: Array("CERTIFICATE-----".utf8)) != nil
  }
}
