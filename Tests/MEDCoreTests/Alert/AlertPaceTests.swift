import Testing

@testable import MEDCore

@Suite("§15 At most one alert per kind and subscription in its interval")
struct AlertPaceTests {
  @Test func `the second one comes when the interval is over, each kind and subscription by itself`() {
    var pace = AlertPace()
    func lets(_ kind: Alert.Kind, _ subscription: Int?, at seconds: Double) -> Bool {
      pace.lets(kind, about: subscription, every: .seconds(180), at: .seconds(seconds))
    }
    #expect(lets(.messageFails, 1, at: 5))
    #expect(!lets(.messageFails, 1, at: 5))
    #expect(!lets(.messageFails, 1, at: 184.9))
    #expect(lets(.messageFails, 1, at: 185))
    #expect(!lets(.messageFails, 1, at: 186), "it counts from the one that was let through")
    #expect(lets(.subscriptionFails, 1, at: 186) && lets(.messageFails, 2, at: 186))
    #expect(lets(.mainQueueBlocked, nil, at: 186) && lets(.allChannelsBlocked, nil, at: 186))
    #expect(!lets(.mainQueueBlocked, nil, at: 187))
  }

  @Test func `a changed interval counts at once`() {
    var pace = AlertPace()
    func lets(every interval: Double, at seconds: Double) -> Bool {
      pace.lets(.channelBlocked, about: 1, every: .seconds(interval), at: .seconds(seconds))
    }
    #expect(lets(every: 3_600, at: 0))
    #expect(!lets(every: 60, at: 59))
    #expect(lets(every: 60, at: 60))
  }

  @Test func `what is over is forgotten when there is much of it`() {
    var pace = AlertPace()
    var most = 0
    var refused = 0
    for number in 0..<100_000 {
      // A thousand are within their interval at any time.
      if !pace.lets(.channelBlocked, about: number, every: .seconds(1), at: .milliseconds(number)) { refused += 1 }
      most = max(most, pace.count)
    }
    #expect(refused == 0 && most <= 2_100)
  }
}
