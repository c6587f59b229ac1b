import CEpoll
import Glibc

/// The epoll set of one loop.
///
/// Interest is lazy: dropping it costs no system call, because most descriptors are wanted again a moment later. Only when
/// one fires that nobody wants, the kernel is told. Interest in writing is taken back at once, because it fires at once.
///
/// A generation per slot keeps an event that was fetched for a closed descriptor from reaching the next one with the same
/// number. Handlers leave through return values: what goes when one is released may call back here.
struct Poller: ~Copyable {
  private struct Slot {
    var handler: (any IOHandler)?
    var generation: UInt32 = 0
    var wanted: IOEvents = []
    /// What the kernel was told; nil if it doesn't know the descriptor.
    var registered: IOEvents?
  }

  /// The kernel goes round the ready descriptors, so those beyond come first in the next turn.
  private static let eventsPerTurn = 256

  private let epoll: Int32
  private let buffer: UnsafeMutableBufferPointer<epoll_event>
  /// What of the last wait's events hasn't been looked at.
  private(set) var ready = 0..<0
  /// By descriptor: as long as the highest number, which the process's limit bounds.
  private var slots: [Slot] = []

  init() throws(LoopError) {
    let epoll = med_epoll_create()
    guard epoll >= 0 else { throw LoopError(call: "epoll_create1", code: errno) }
    self.epoll = epoll
    buffer = .allocate(capacity: Self.eventsPerTurn)
  }

  deinit {
    _ = close(epoll)
    buffer.deallocate()
  }

  mutating func add(_ descriptor: Int32, events: IOEvents, handler: any IOHandler) throws(LoopError) {
    precondition(descriptor >= 0, "not a descriptor: \(descriptor)")
    precondition(!isWatched(descriptor), "\(descriptor) is watched already")
    let index = Int(descriptor)
    while slots.count <= index { slots.append(Slot()) }
    slots[index].handler = handler
    slots[index].generation &+= 1
    do throws(LoopError) {
      try setInterest(events, of: descriptor)
    } catch {
      slots[index].handler = nil
      throw error
    }
  }

  /// Makes room for a descriptor whose number belonged to one that was closed without being removed.
  ///
  /// Only one of which nothing is wanted passes for that: libcurl closes some of its sockets without its close callback.
  mutating func removeLeftover(_ descriptor: Int32) -> (any IOHandler)? {
    isWatched(descriptor) && slots[Int(descriptor)].wanted.isEmpty ? remove(descriptor) : nil
  }

  mutating func setInterest(_ events: IOEvents, of descriptor: Int32) throws(LoopError) {
    precondition(isWatched(descriptor), "\(descriptor) is not watched")
    let index = Int(descriptor)
    slots[index].wanted = events
    guard let registered = slots[index].registered else {
      return events.isEmpty ? () : try tellKernel(events, of: descriptor)
    }
    let hasUselessWrite = registered.contains(.writable) && !events.contains(.writable)
    guard hasUselessWrite || !registered.isSuperset(of: events) else { return }
    try tellKernel(events.isEmpty ? registered.subtracting(.writable) : events, of: descriptor)
  }

  /// Must come before the descriptor is closed.
  mutating func remove(_ descriptor: Int32) -> (any IOHandler)? {
    guard isWatched(descriptor) else { return nil }
    let index = Int(descriptor)
    if slots[index].registered != nil { removeFromKernel(descriptor) }
    slots[index].wanted = []
    return slots[index].handler.take()
  }

  mutating func removeAll() -> [any IOHandler] {
    var handlers: [any IOHandler] = []
    for index in slots.indices {
      if let handler = remove(Int32(index)) { handlers.append(handler) }
    }
    return handlers
  }

  // MARK: Events

  /// Waits for events, for at most `timeout`, rounded up to milliseconds; for ever if that is nil.
  mutating func wait(atMost timeout: Duration?) {
    let count = epoll_wait(epoll, buffer.baseAddress, Int32(buffer.count), timeout?.roundedUpMilliseconds ?? -1)
    precondition(count >= 0 || errno == EINTR, "epoll_wait failed: \(errno)")
    ready = 0..<max(0, Int(count))
  }

  mutating func nextReady() -> (handler: any IOHandler, events: IOEvents, descriptor: Int32)? {
    while let position = ready.popFirst() {
      let event = buffer[position]
      let descriptor = Int32(truncatingIfNeeded: event.data.u64)
      let index = Int(descriptor)
      guard slots[index].generation == UInt32(event.data.u64 >> 32) else { continue }
      guard let handler = slots[index].handler else { continue }
      let events = wantedEvents(of: IOEvents(rawValue: event.events), by: slots[index].wanted)
      if !events.isEmpty { return (handler, events, descriptor) }
      silence(descriptor)
    }
    return nil
  }

  /// A failure counts as readiness for all that is wanted: who reads or writes then gets to know it.
  private func wantedEvents(of events: IOEvents, by wanted: IOEvents) -> IOEvents {
    if wanted.isEmpty { return [] }
    let failure = events.intersection([.failed, .hungUp])
    let useful = events.intersection(wanted)
    return useful.isEmpty && !failure.isEmpty ? failure.union(wanted) : useful.union(failure)
  }

  /// The kernel reports what nobody wants to know.
  private mutating func silence(_ descriptor: Int32) {
    let wanted = slots[Int(descriptor)].wanted
    if wanted.isEmpty {
      removeFromKernel(descriptor)
    } else {
      try? tellKernel(wanted, of: descriptor)
    }
  }

  // MARK: The kernel's side

  private func isWatched(_ descriptor: Int32) -> Bool {
    slots.indices.contains(Int(descriptor)) && slots[Int(descriptor)].handler != nil
  }

  private mutating func tellKernel(_ events: IOEvents, of descriptor: Int32) throws(LoopError) {
    let index = Int(descriptor)
    var event = epoll_event()
    event.events = events.rawValue
    event.data.u64 = UInt64(slots[index].generation) << 32 | UInt64(UInt32(bitPattern: descriptor))
    let isKnown = slots[index].registered != nil
    var result = epoll_ctl(epoll, isKnown ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, descriptor, &event)
    // Its owner closed the descriptor and got another with the same number: the kernel forgot it, we didn't.
    if result != 0 && isKnown && errno == ENOENT { result = epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) }
    guard result == 0 else { throw LoopError(call: "epoll_ctl", code: errno) }
    slots[index].registered = events
  }

  private mutating func removeFromKernel(_ descriptor: Int32) {
    var event = epoll_event()
    _ = epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, &event)
    slots[Int(descriptor)].registered = nil
  }
}

extension Duration {
  /// For the kernel's timers, at most an hour: the loop looks at the clock again after that.
  fileprivate var roundedUpMilliseconds: Int32 {
    if self >= .seconds(3600) { return 3_600_000 }
    let (seconds, attoseconds) = components
    return Int32(seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
  }
}
