import Glibc
import Testing

import class MEDLoop.Monitor

@testable import MEDApp

@Suite("§16 When a config file is read again")
struct ConfigWatchTests {
  private static func sight(_ number: Int) -> ConfigWatch.Sight {
    var status = stat()
    status.st_ino = 7
    status.st_size = 10
    status.st_mtim.tv_nsec = number
    return .there(FileStamp(status))
  }

  private func looks(_ sights: [ConfigWatch.Sight], _ watch: inout ConfigWatch) -> [ConfigWatch.Action] {
    sights.map { watch.look($0) }
  }

  @Test func `a file that keeps changing is read when it has stopped, once`() {
    var watch = ConfigWatch()
    let actions = looks([1, 2, 3, 3, 3, 4, 5, 5, 5].map(Self.sight), &watch)
    #expect(
      actions == [.nothing, .nothing, .nothing, .read, .nothing, .nothing, .nothing, .read, .nothing])
  }

  @Test func `what was read by a signal isn't read again`() {
    var watch = ConfigWatch()
    _ = looks([1, 1].map(Self.sight), &watch)
    watch.wasRead(Self.sight(2))
    #expect(looks([2, 2, 2].map(Self.sight), &watch) == [.nothing, .nothing, .nothing])
  }

  @Test func `a file that changed while it was read is read again when it rests`() {
    var watch = ConfigWatch()
    #expect(looks([1, 1].map(Self.sight), &watch) == [.nothing, .read])
    watch.changedMeanwhile()
    #expect(looks([2, 2].map(Self.sight), &watch) == [.nothing, .read])
    watch.changedMeanwhile()
    #expect(watch.look(Self.sight(2)) == .read)
  }

  @Test func `a file that is gone for a moment is nothing to tell, and for longer once`() {
    var watch = ConfigWatch()
    _ = looks([1, 1].map(Self.sight), &watch)
    #expect(looks([.missing(ENOENT), Self.sight(2), Self.sight(2)], &watch) == [.nothing, .nothing, .read])
    let gone = Array(repeating: ConfigWatch.Sight.missing(ENOENT), count: 4)
    #expect(looks(gone, &watch) == [.nothing, .tellMissing(ENOENT), .nothing, .nothing])
    #expect(looks([2, 2].map(Self.sight), &watch) == [.nothing, .read])
  }

  @Test func `every way of changing a file changes how it looks`() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/c"
    #expect(ConfigWatch.Sight(of: path) == .missing(ENOENT))
    try "a".write(toFile: path, atomically: false, encoding: .utf8)
    let first = ConfigWatch.Sight(of: path)
    #expect(ConfigWatch.Sight(of: path) == first)
    try "ab".write(toFile: path, atomically: false, encoding: .utf8)
    let second = ConfigWatch.Sight(of: path)
    #expect(second != first)
    try "xy".write(toFile: path + "2", atomically: false, encoding: .utf8)
    #expect(rename(path + "2", path) == 0)
    #expect(ConfigWatch.Sight(of: path) != second)
    #expect(symlink(path, path + "-link") == 0)
    #expect(ConfigWatch.Sight(of: path + "-link") == ConfigWatch.Sight(of: path))
  }
}

@Suite("§16 What a reload changes")
struct ReloadPlanTests {
  @Test func `live options are taken, the others stay as they were at the start`() {
    let started = Settings()
    var new = started
    new.sendersPerChannel = 3
    new.store.refreshInterval = .seconds(2)
    new.mainQueue = "other"
    new.push.verifiesTLS = false
    new.queueServerType = "beanstalk"
    let plan = ReloadPlan(new, over: started)
    #expect(plan.live.map(\.path) == ["SendersPerChannel", "Store.RefreshInterval"])
    #expect(plan.needRestart.map(\.path) == ["NameOfMainQueue", "Push.VerifyTLS"])
    #expect(plan.settings.differences(from: started).map(\.path) == plan.live.map(\.path))

    // Taken back before a restart: nothing is left to tell.
    let back = ReloadPlan(started, over: plan.settings)
    #expect(back.needRestart.isEmpty)
    #expect(back.settings.differences(from: started).isEmpty)
  }

  @Test func `every option can be taken over by itself`() {
    for option in ConfigOption.all {
      var target = Settings()
      option.copy(Settings(), &target)
      #expect(target.differences(from: Settings()).isEmpty, "\(option.path)")
    }
  }

  @Test func `a stop that takes too long is ended, one that ends in time isn't`() {
    let ended = Monitor(0)
    let late = StopLimit { _ in
      ended.withLock { $0 += 1 }
      ended.signal()
    }
    late.begin(.milliseconds(1))
    late.begin(.milliseconds(1))
    #expect(ended.wait(atMost: .seconds(20), { $0 == 1 ? true : nil }) == true)
    let inTime = StopLimit { _ in ended.withLock { $0 = 100 } }
    inTime.begin(.seconds(3600))
    inTime.cancel()
    #expect(ended.withLock { $0 } == 1)
  }
}
