import Foundation

/// One line of a DATA log, read by nothing of the product's.
public struct RecordLine {
  public let kind: String
  public let subscription: Int?
  public let reason: String
  public let payload: [UInt8]

  public init?(_ line: some StringProtocol) {
    let parts = line.split(separator: " ", maxSplits: 2)
    guard parts.count == 3,
      let object = try? JSONSerialization.jsonObject(with: Data(parts[2].utf8)) as? [String: Any]
    else { return nil }
    kind = String(parts[1])
    subscription = object["subscription"] as? Int
    reason = object["reason"] as? String ?? ""
    payload = (object["payload"] as? String).flatMap { Data(base64Encoded: $0) }.map { Array($0) } ?? []
  }
}
