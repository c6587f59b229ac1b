import CEpoll

/// What a descriptor is watched for, or ready for.
public struct IOEvents: OptionSet, Sendable {
  /// As epoll has them.
  public let rawValue: UInt32

  /// Events as epoll has them.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Bytes can be read, or the peer has ended its side.
  public static let readable = IOEvents(rawValue: EPOLLIN.rawValue)
  /// Bytes can be written.
  public static let writable = IOEvents(rawValue: EPOLLOUT.rawValue)
  /// Reported without being asked for, together with what was: reading or writing tells the error.
  public static let failed = IOEvents(rawValue: EPOLLERR.rawValue)
  /// Both directions are closed. Reported without being asked for, together with what was.
  public static let hungUp = IOEvents(rawValue: EPOLLHUP.rawValue)

  /// Reported once for each time that it happens, not as long as it lasts.
  static let edge = IOEvents(rawValue: EPOLLET.rawValue)
}

/// What is told about a descriptor.
public protocol IOHandler: AnyObject {
  /// `descriptor` is ready for `events`: some of those it is watched for, and ``IOEvents/failed`` or ``IOEvents/hungUp``.
  /// Called on the loop, once a turn for as long as it is ready.
  ///
  /// It may turn out not to be (EAGAIN): somebody else may have been there since. A handler that neither reads, writes,
  /// drops its interest nor removes the descriptor keeps the loop busy.
  func handle(_ events: IOEvents, on descriptor: Int32)
}

/// Something that gathers work during a turn and does it at the end of it.
public protocol TurnEndHandler: AnyObject {
  /// The turn's jobs have run. Called on the loop, before it looks at the descriptors again.
  func turnEnded()
}
