/// The tube names of a subscription's channel and of its retry channel.
///
/// `<topic>/<prefix><subscription id>`, and the same with `/FAIL` appended.
public struct ChannelNames: Hashable, Sendable {
  /// The tube of the subscription's messages.
  public let channel: TubeName
  /// The tube of those that failed.
  public let retry: TubeName

  /// - Returns: nil if the retry name, the longer of the two, is not a valid tube name.
  public init?(topic: String, prefix: String, subscription: Int) {
    let name = "\(topic)/\(prefix)\(subscription)"
    guard let channel = TubeName(name), let retry = TubeName(name + "/FAIL") else { return nil }
    self.channel = channel
    self.retry = retry
  }
}
