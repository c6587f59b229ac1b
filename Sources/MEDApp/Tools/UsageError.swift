/// Something on the command line that can't be meant: ends with exit code 64.
public struct UsageError: Error, Equatable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}
