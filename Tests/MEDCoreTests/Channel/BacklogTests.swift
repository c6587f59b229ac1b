import Testing

@testable import MEDCore

@Suite("§9 Backlog samples")
struct BacklogTests {
  private static let early = ContinuousClock.now
  private static let late = early + .seconds(5)
  private static let channel = Backlog.Queue(subscription: 1, kind: .channel)
  private static let retry = Backlog.Queue(subscription: 1, kind: .retry)

  private static func statistics(ready: Int = 0, delayed: Int = 0, buried: Int = 0) -> TubeStatistics {
    var statistics = TubeStatistics()
    statistics.ready = ready
    statistics.delayed = delayed
    statistics.buried = buried
    return statistics
  }

  @Test func `samples of all servers add up, and the sum is as old as its oldest part`() {
    let backlog = Backlog(servers: 2)
    #expect(backlog.backlog(of: 1) == BacklogSample(), "nothing is known yet")
    backlog.note(Self.statistics(ready: 3, buried: 1), of: Self.channel, at: 0, since: 0, askedAt: Self.late)
    #expect(backlog.backlog(of: 1).takenAt == nil, "one server was never asked")
    backlog.note(Self.statistics(ready: 4, delayed: 2), of: Self.channel, at: 1, since: 0, askedAt: Self.early)
    #expect(backlog.backlog(of: 1) == BacklogSample(ready: 7, delayed: 2, buried: 1, takenAt: Self.early))
    #expect(backlog.sample(of: Self.channel, at: 0).takenAt == Self.late)
    #expect(backlog.backlog(of: 1, .retry) == BacklogSample())
    #expect(Set(backlog.queues.keys) == [Self.channel])
  }

  @Test func `all channels together are what the samples of all tubes add up to, at any time`() {
    let backlog = Backlog(servers: 2)
    backlog.note(Self.statistics(ready: 3), of: Self.channel, at: 0, since: 0, askedAt: Self.early)
    backlog.note(Self.statistics(ready: 4, delayed: 9), of: Self.retry, at: 0, since: 0, askedAt: Self.early)
    backlog.note(Self.statistics(ready: 5), of: Self.channel, at: 1, since: 0, askedAt: Self.early)
    #expect(backlog.readyInAllChannels == 12)
    backlog.note(Self.statistics(ready: 1), of: Self.channel, at: 0, since: 0, askedAt: Self.late)
    #expect(backlog.readyInAllChannels == 10)
    backlog.noteListed([Self.channel], at: 0, since: 0, askedAt: Self.late)
    #expect(backlog.readyInAllChannels == 6)
    backlog.note(nil, of: Self.channel, at: 0, since: 0, askedAt: Self.late)
    #expect(backlog.readyInAllChannels == 5)
    backlog.noteMainQueue(BacklogSample(ready: 100), at: 0)
    backlog.noteNothingWaits(at: 1, isEmpty: true, since: 0, askedAt: Self.late)
    #expect(backlog.readyInAllChannels == 0)
    for id in 1...100 {
      let queue = Backlog.Queue(subscription: id, kind: .channel)
      backlog.note(Self.statistics(ready: .max, buried: .min), of: queue, at: 0, since: 0, askedAt: Self.late)
    }
    #expect(backlog.readyInAllChannels == 100 * BacklogSample.bound)
  }

  @Test func `a tube that isn't listed is empty, as of the list`() {
    let backlog = Backlog(servers: 1)
    backlog.note(Self.statistics(ready: 3), of: Self.channel, at: 0, since: 0, askedAt: Self.early)
    backlog.note(Self.statistics(delayed: 3), of: Self.retry, at: 0, since: 0, askedAt: Self.early)
    backlog.noteListed([Self.retry], at: 0, since: 0, askedAt: Self.late)
    #expect(backlog.backlog(of: 1) == BacklogSample(takenAt: Self.late))
    #expect(backlog.backlog(of: 1, .retry) == BacklogSample(delayed: 3, takenAt: Self.early))
  }

  @Test func `when nothing waits on a server its queues hold what is in hand`() {
    let backlog = Backlog(servers: 1)
    backlog.note(Self.statistics(ready: 3, buried: 2), of: Self.channel, at: 0, since: 0, askedAt: Self.early)
    backlog.note(Self.statistics(ready: 3), of: Self.retry, at: 0, since: 0, askedAt: Self.early)
    backlog.noteNothingWaits(at: 0, isEmpty: true, since: 0, askedAt: Self.late)
    #expect(backlog.backlog(of: 1) == BacklogSample(buried: 2, takenAt: Self.late))
    #expect(backlog.backlog(of: 1, .retry) == BacklogSample(takenAt: Self.late))
    #expect(Set(backlog.queues.keys) == [Self.channel])
  }

  @Test func `the main queue is sampled by server`() {
    let backlog = Backlog(servers: 2)
    backlog.noteMainQueue(BacklogSample(ready: 5, takenAt: Self.early), at: 0)
    backlog.noteMainQueue(BacklogSample(ready: 6, takenAt: Self.late), at: 1)
    #expect(backlog.ofMainQueue == BacklogSample(ready: 11, takenAt: Self.early))
    #expect(backlog.ofMainQueue(at: 1).ready == 6)
  }

  private static func channel(_ id: Int = 1, threshold: Int, action: Int = 1) -> SubscribedChannel {
    SubscribedChannel.make(
      .make(id, "t", ["DropMessageThreshold": "\(threshold)", "DropMessageThresholdAction": "\(action)"]), .init()
    ).channel
  }

  @Test func `a channel admits copies until its level is above the threshold, sampled or not`() {
    let backlog = Backlog(servers: 1)
    var asked: [Int] = []
    backlog.onOldSample = { asked.append($0) }
    let channel = Self.channel(threshold: 10)
    #expect((0..<100).count { _ in backlog.admits(channel) } == 11)
    #expect(asked == [1], "nothing was known: a sample is wanted at once")
    for _ in 0..<11 { backlog.copyStored(channel, at: 0) }
    backlog.took(5, from: channel, at: 0)
    #expect((0..<100).count { _ in backlog.admits(channel) } == 5)
  }

  @Test func `a level begins with the samples that there are`() {
    let backlog = Backlog(servers: 1)
    backlog.note(Self.statistics(ready: 9), of: Self.channel, at: 0, since: 0, askedAt: .now)
    var asked = 0
    backlog.onOldSample = { _ in asked += 1 }
    let channel = Self.channel(threshold: 10)
    #expect((0..<100).count { _ in backlog.admits(channel) } == 2)
    #expect(asked == 0)
  }

  @Test func `a list of tubes that was asked for before a copy doesn't make its channel empty`() {
    let backlog = Backlog(servers: 1)
    let channel = Self.channel(threshold: 10)
    let asked = backlog.moment
    #expect(backlog.admits(channel))
    backlog.copyStored(channel, at: 0)
    backlog.noteListed([], at: 0, since: asked, askedAt: .now)
    backlog.noteNothingWaits(at: 0, isEmpty: true, since: asked, askedAt: .now)
    #expect(backlog.estimate(of: channel) == 1)
    backlog.noteListed([], at: 0, since: backlog.moment, askedAt: .now)
    #expect(backlog.estimate(of: channel) == 0)
  }

  @Test func `jobs taken before there is a level count too`() {
    let backlog = Backlog(servers: 1)
    backlog.note(Self.statistics(ready: 9), of: Self.channel, at: 0, since: 0, askedAt: .now)
    let channel = Self.channel(threshold: 10)
    backlog.took(9, from: channel, at: 0)
    #expect((0..<100).count { _ in backlog.admits(channel) } == 11)
  }

  @Test func `channels with a level are due for a sample, the longest unseen first, until they are empty and quiet`() {
    let backlog = Backlog(servers: 1)
    for id in 1...3 {
      #expect(backlog.admits(Self.channel(id, threshold: 5)))
    }
    let end = ContinuousClock.now + .seconds(100)
    #expect(Set(backlog.levelsToSample(at: 0, olderThan: end)) == [1, 2, 3])
    for id in [2, 1] {
      let queue = Backlog.Queue(subscription: id, kind: .channel)
      backlog.note(Self.statistics(ready: 1), of: queue, at: 0, since: 0, askedAt: .now)
    }
    #expect(backlog.levelsToSample(at: 0, olderThan: end) == [3, 2, 1])
    #expect(backlog.levelsToSample(at: 0, olderThan: .now - .seconds(100)) == [3])
  }

  @Test func `keep is no policy, and neither is a threshold of 0`() {
    #expect(!Self.channel(threshold: 10, action: 0).mayDrop)
    #expect(!Self.channel(threshold: 0).mayDrop)
    #expect(Self.channel(threshold: 10, action: 2).mayDrop)
  }
}
