import CEpoll
import Glibc

/// What a descriptor is watched for, or ready for.
public struct IOEvents: OptionSet, Sendable {
  public let rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let readable = IOEvents(rawValue: EPOLLIN.rawValue)
  public static let writable = IOEvents(rawValue: EPOLLOUT.rawValue)
  /// Reported even when not asked for.
  public static let failed = IOEvents(rawValue: EPOLLERR.rawValue)
  public static let hungUp = IOEvents(rawValue: EPOLLHUP.rawValue)
}

public protocol IOHandler: AnyObject {
  /// `descriptor` is ready for `events`. Called on the loop.
  func handle(_ events: IOEvents, on descriptor: Int32)
}

/// The epoll set of one loop.
///
/// Interest is lazy: dropping it costs no system call, because most descriptors are wanted again a moment later. Only when
/// one fires that nobody wants, the kernel is told. A generation per slot keeps an event that was fetched for a closed
/// descriptor from reaching the next one with the same number.
struct Poller {
  private struct Slot {
    var handler: (any IOHandler)?
    var generation: UInt32 = 0
    var wanted: IOEvents = []
    /// What the kernel was told; nil if it doesn't know the descriptor.
    var registered: IOEvents?
  }

  private static let eventsPerTurn = 256

  private let epoll: Int32
  private var slots: [Slot] = []
  private let buffer = UnsafeMutableBufferPointer<epoll_event>.allocate(capacity: eventsPerTurn)
  private var ready = 0

  init() throws(LoopError) {
    epoll = med_epoll_create()
    guard epoll >= 0 else { throw LoopError(call: "epoll_create1", code: errno) }
  }

  func close() {
    _ = Glibc.close(epoll)
    buffer.deallocate()
  }

  mutating func add(_ descriptor: Int32, events: IOEvents, handler: any IOHandler) throws(LoopError) {
    let index = Int(descriptor)
    while slots.count <= index { slots.append(Slot()) }
    precondition(slots[index].handler == nil, "descriptor \(descriptor) is registered already")
    slots[index].handler = handler
    slots[index].generation &+= 1
    slots[index].wanted = []
    do throws(LoopError) {
      try setInterest(events, of: descriptor)
    } catch {
      slots[index].handler = nil
      throw error
    }
  }

  mutating func setInterest(_ events: IOEvents, of descriptor: Int32) throws(LoopError) {
    let index = Int(descriptor)
    slots[index].wanted = events
    if events.isEmpty { return }
    if let registered = slots[index].registered, registered.isSuperset(of: events), !isCostly(registered, events) { return }
    try tellKernel(events, of: descriptor)
  }

  /// A writable socket fires all the time: unwanted interest in that is taken back at once.
  private func isCostly(_ registered: IOEvents, _ wanted: IOEvents) -> Bool {
    registered.contains(.writable) && !wanted.contains(.writable)
  }

  private mutating func tellKernel(_ events: IOEvents, of descriptor: Int32) throws(LoopError) {
    let index = Int(descriptor)
    var event = epoll_event()
    event.events = events.rawValue
    event.data.u64 = UInt64(slots[index].generation) << 32 | UInt64(UInt32(bitPattern: descriptor))
    let operation = slots[index].registered == nil ? EPOLL_CTL_ADD : EPOLL_CTL_MOD
    guard epoll_ctl(epoll, operation, descriptor, &event) == 0 else { throw LoopError(call: "epoll_ctl", code: errno) }
    slots[index].registered = events
  }

  /// Must come before the descriptor is closed.
  mutating func remove(_ descriptor: Int32) {
    let index = Int(descriptor)
    guard slots.indices.contains(index), slots[index].handler != nil else { return }
    if slots[index].registered != nil { removeFromKernel(descriptor) }
    slots[index].handler = nil
    slots[index].wanted = []
    slots[index].generation &+= 1
  }

  mutating func wait(timeout: Duration?) {
    let milliseconds = timeout.map(Self.roundedUpMilliseconds) ?? -1
    let count = epoll_wait(epoll, buffer.baseAddress, Int32(Self.eventsPerTurn), milliseconds)
    ready = max(0, Int(count))
  }

  private static func roundedUpMilliseconds(_ duration: Duration) -> Int32 {
    let (seconds, attoseconds) = duration.components
    if seconds > 3600 { return 3_600_000 }
    return Int32(seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
  }

  mutating func nextReady() -> (handler: any IOHandler, events: IOEvents, descriptor: Int32)? {
    while ready > 0 {
      ready -= 1
      let event = buffer[ready]
      let descriptor = Int32(truncatingIfNeeded: event.data.u64)
      let index = Int(descriptor)
      guard slots.indices.contains(index), slots[index].generation == UInt32(event.data.u64 >> 32),
        let handler = slots[index].handler
      else { continue }
      let events = IOEvents(rawValue: event.events)
      let wanted = slots[index].wanted
      if wanted.isEmpty {
        removeFromKernel(descriptor)
      } else if events.isDisjoint(with: wanted.union([.failed, .hungUp])) {
        try? tellKernel(wanted, of: descriptor)
      } else {
        return (handler, events, descriptor)
      }
    }
    return nil
  }

  private mutating func removeFromKernel(_ descriptor: Int32) {
    var event = epoll_event()
    _ = epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, &event)
    slots[Int(descriptor)].registered = nil
  }
}
