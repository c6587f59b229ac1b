import HeapModule

/// Chooses the busiest lanes and describes them, in slices between which the loop does its other work.
public enum LaneListing {
  /// Lanes described at most; the rest is counted.
  public static let maximum = 10_000
  /// Lanes looked at in one turn of the loop: well below a millisecond.
  static let slice = 500

  /// How much a lane has to do, then how much it did.
  private struct Rank: Comparable {
    let load: Int
    let pushes: Int
    let index: Int

    static func < (a: Rank, b: Rank) -> Bool {
      a.load != b.load ? a.load < b.load : a.pushes != b.pushes ? a.pushes < b.pushes : a.index > b.index
    }
  }

  /// On the loop of the lanes. They go on working meanwhile: each is described as it is when its turn comes.
  static func list(_ lanes: [Lane], at second: Int, atMost maximum: Int = maximum) async -> LanesState {
    var state = LanesState()
    state.awake = lanes.count
    var chosen = Heap<Rank>()
    for (index, lane) in lanes.enumerated() {
      if index > 0, index % slice == 0 { await Task.yield() }
      state.inFlight += lane.inFlight
      state.parked += lane.parking.count
      let rank = Rank(load: lane.load, pushes: lane.history.recentRates(at: second).pushesLast10Seconds, index: index)
      if chosen.count < maximum {
        chosen.insert(rank)
      } else if let least = chosen.min, least < rank {
        chosen.replaceMin(with: rank)
      }
    }
    state.unlisted = lanes.count - chosen.count
    state.listed.reserveCapacity(chosen.count)
    while let rank = chosen.popMax() {
      if state.listed.count % slice == slice - 1 { await Task.yield() }
      state.listed.append(lanes[rank.index].state(at: second))
    }
    return state
  }
}

extension Lane {
  /// What there is to do, as far as is known.
  var load: Int { inFlight + waitingCount + announcedCount + parking.count }

  func state(at second: Int) -> LaneState {
    var state = LaneState()
    state.subscription = channel.id
    state.topic = channel.topic
    state.kind = kind == .channel ? .channel : .retry
    state.isLeaving = isCancelled
    state.concurrency = limit
    state.inFlight = inFlight
    state.waiting = waitingCount
    state.announced = announcedCount
    state.delayed = delayedCount
    state.parked = parking.count
    state.rates = history.rates(at: second)
    return state
  }
}
