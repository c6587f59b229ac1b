import CCurl
import Glibc
import MEDLoop

/// libcurl's demands on the loop: descriptors to watch, and one timer.
extension HTTPClient: IOHandler, TurnEndHandler {
  func attachToLoop() {
    let this = Unmanaged.passUnretained(self).toOpaque()
    _ = med_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_NOTHING))
    _ = med_multi_set_pointer(multi, CURLMOPT_SOCKETDATA, this)
    _ = med_multi_set_socket(multi) { _, descriptor, what, this, _ in
      HTTPClient.at(this)?.watch(descriptor, for: what)
      return 0
    }
    _ = med_multi_set_pointer(multi, CURLMOPT_TIMERDATA, this)
    _ = med_multi_set_timer(multi) { _, milliseconds, this in
      HTTPClient.at(this)?.setAlarm(milliseconds)
      return 0
    }
  }

  static func at(_ pointer: UnsafeMutableRawPointer?) -> HTTPClient? {
    pointer.map { Unmanaged<HTTPClient>.fromOpaque($0).takeUnretainedValue() }
  }

  // MARK: Descriptors

  public func handle(_ events: IOEvents, on descriptor: Int32) {
    var mask: Int32 = 0
    if !events.isDisjoint(with: [.readable, .hungUp]) { mask |= CURL_CSELECT_IN }
    if events.contains(.writable) { mask |= CURL_CSELECT_OUT }
    if events.contains(.failed) { mask |= CURL_CSELECT_ERR }
    act(descriptor, mask)
  }

  private func act(_ descriptor: curl_socket_t, _ mask: Int32) {
    guard multi != nil else { return }
    var running: Int32 = 0
    curl_multi_socket_action(multi, descriptor, mask, &running)
    collect()
  }

  /// If the system refuses to watch a descriptor, its exchange ends at its time-out: an error told to libcurl here would
  /// end all exchanges.
  private func watch(_ descriptor: Int32, for what: Int32) {
    let events: IOEvents =
      switch what {
      case CURL_POLL_IN: .readable
      case CURL_POLL_OUT: .writable
      case CURL_POLL_INOUT: [.readable, .writable]
      default: []
      }
    if sockets.isWatched(descriptor) {
      if events.isEmpty, !sockets.isOurs(descriptor) {
        // One that libcurl closes by itself, without CURLOPT_CLOSESOCKETFUNCTION (the resolver's socket pair).
        loop.remove(descriptor)
        sockets.setWatched(descriptor, false)
      } else {
        try? loop.setInterest(events, of: descriptor)
      }
    } else if !events.isEmpty, (try? loop.add(descriptor, events: events, handler: self)) != nil {
      sockets.setWatched(descriptor, true)
    }
  }

  func closeSocket(_ descriptor: Int32) {
    if sockets.isWatched(descriptor) { loop.remove(descriptor) }
    sockets.forget(descriptor)
    _ = Glibc.close(descriptor)
  }

  // MARK: Timer

  /// - Parameter milliseconds: when libcurl wants to be called; at the end of this turn if 0, never if negative.
  private func setAlarm(_ milliseconds: Int) {
    if milliseconds == 0 {
      alarm.deadline = nil
      guard !alarm.isAtEndOfTurn else { return }
      alarm.isAtEndOfTurn = true
      loop.atEndOfTurn(self)
    } else if milliseconds < 0 {
      alarm.deadline = nil
    } else {
      // The time now, not that of the turn: libcurl must not be called too early.
      let deadline = ContinuousClock.now + .milliseconds(milliseconds)
      alarm.deadline = deadline
      armTimer(for: deadline)
    }
  }

  /// A timer that is set already for an earlier time stays: it looks at the deadline again when it fires. Deadlines move
  /// with every exchange, mostly to later.
  private func armTimer(for deadline: ContinuousClock.Instant) {
    if let armed = alarm.armed, armed <= deadline { return }
    alarm.timer?.cancel()
    alarm.armed = deadline
    alarm.timer = loop.schedule(at: deadline) { [weak self] in self?.timerFired() }
  }

  private func timerFired() {
    alarm.timer = nil
    alarm.armed = nil
    guard let deadline = alarm.deadline else { return }
    if deadline > loop.now { return armTimer(for: deadline) }
    alarm.deadline = nil
    act(CURL_SOCKET_BAD, 0)
  }

  public func turnEnded() {
    alarm.isAtEndOfTurn = false
    act(CURL_SOCKET_BAD, 0)
  }
}

/// When libcurl wants to be called though no descriptor is ready.
struct CurlAlarm {
  /// libcurl's own deadline.
  var deadline: ContinuousClock.Instant?
  /// What `timer` is set for: at most `deadline`.
  var armed: ContinuousClock.Instant?
  var timer: LoopTimer?
  var isAtEndOfTurn = false

  mutating func cancel() {
    timer?.cancel()
    timer = nil
    armed = nil
    deadline = nil
  }
}

/// What is known of libcurl's descriptors, by number.
struct SocketTable {
  private struct Entry {
    var isOurs = false
    var isWatched = false
  }

  private var entries: [Entry] = []

  /// Opened through CURLOPT_OPENSOCKETFUNCTION: its close will be told.
  func isOurs(_ descriptor: Int32) -> Bool { self[descriptor].isOurs }
  func isWatched(_ descriptor: Int32) -> Bool { self[descriptor].isWatched }

  mutating func setOurs(_ descriptor: Int32) { self[descriptor].isOurs = true }
  mutating func setWatched(_ descriptor: Int32, _ value: Bool) { self[descriptor].isWatched = value }
  mutating func forget(_ descriptor: Int32) { self[descriptor] = Entry() }

  private subscript(descriptor: Int32) -> Entry {
    get { entries.indices.contains(Int(descriptor)) ? entries[Int(descriptor)] : Entry() }
    set {
      while entries.count <= Int(descriptor) { entries.append(Entry()) }
      entries[Int(descriptor)] = newValue
    }
  }
}
