import Glibc
import Testing

@testable import MEDCore

@Suite("§6 DATA log: files and faults")
struct DataLogFileTests {
  let disk = FakeDisk()

  func file(_ naming: DataLogNaming = .single) -> DataLogFile {
    DataLogFile(directory: "/log", naming: naming, operations: disk.operations)
  }

  func line(_ number: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    DataLineFormatter.append(logRecord(number), at: logNoon, to: &bytes)
    return bytes
  }

  func demands(sync: Bool = true, reopen: Bool = false, at time: RecordTime = logNoon, second: UInt64 = 0)
    -> DataLogFile.Demands
  {
    .init(sync: sync, reopen: reopen, time: time, uptime: second * 1_000_000_000)
  }

  var durable: [String: [UInt64]] { disk.contentsAfterPowerCut.mapValues(loggedJobIDs) }

  @Test func `a stored record survives a power cut, its file's name too`() throws {
    var file = file()
    try file.store(line(1), demands())
    #expect(durable == ["/log/data.log": [1]])
    #expect(file.unconfirmed.isEmpty)
  }

  @Test func `what is not synced is kept in memory, and synced by itself past the threshold`() throws {
    var file = file()
    file.syncThreshold = 3 * line(1).count
    try file.store(line(1), demands(sync: false))
    try file.store(line(2), demands(sync: false))
    #expect(durable == ["/log/data.log": []])
    #expect(file.unconfirmed == line(1) + line(2))
    try file.store(line(3), demands(sync: false))
    #expect(durable == ["/log/data.log": [1, 2, 3]])
  }

  @Test func `after a failed fsync all that was not confirmed goes into a new file`() throws {
    var file = file()
    try file.store(line(1), demands())
    try file.store(line(2), demands(sync: false))
    var faults = 1
    disk.fault = { call in
      guard call == .sync && faults > 0 else { return nil }
      faults -= 1
      return .fail(EIO)
    }
    try file.store(line(3), demands())
    #expect(durable == ["/log/data.log": [1], "/log/data.1.log": [2, 3]])
    #expect(file.recovered == DataLogError(.sync, errno: EIO, path: "/log/data.log"))
    try file.store(line(4), demands(reopen: true))
    #expect(durable == ["/log/data.log": [1], "/log/data.1.log": [2, 3, 4]], "the failed file stays out of use")
    #expect(file.recovered == nil)
  }

  @Test func `a line cut short by a write stays in the old file and spoils nothing`() throws {
    var file = file()
    try file.store(line(1), demands())
    var faults = 1
    disk.fault = { call in
      guard call == .write && faults > 0 else { return nil }
      faults -= 1
      return .short(20)
    }
    try file.store(line(2), demands())
    #expect(durable == ["/log/data.log": [1], "/log/data.1.log": [2]])
    #expect(file.recovered == DataLogError(.write, errno: ENOSPC, path: "/log/data.log"))
  }

  @Test func `a torn line of an earlier life is ended first`() throws {
    var first = file()
    try first.store(Array("torn".utf8), demands())
    first.close()
    var second = file()
    try second.store(line(1), demands())
    #expect(disk.contentsAfterPowerCut["/log/data.log"] == Array("torn\n".utf8) + line(1))
  }

  @Test func `a disk that stays full is told of each time, keeps writes, and isn't littered`() throws {
    var file = file()
    try file.store(line(1), demands())
    disk.fault = { $0 == .write ? .short(5) : nil }
    #expect(throws: DataLogError(.write, errno: ENOSPC, path: "/log/data.log")) {
      try file.store(line(2) + line(3) + line(4), demands())
    }
    let length = line(2).count
    file.forget([length..<2 * length], ofBatch: 3 * length)
    #expect(file.unconfirmed == line(2) + line(4))
    for _ in 0..<10 { #expect(throws: DataLogError.self) { try file.store([], demands()) } }
    #expect(Set(disk.names.keys) == ["/log/data.log"])
    disk.fault = { _ in nil }
    try file.store(line(5), demands())
    #expect(durable == ["/log/data.log": [1], "/log/data.1.log": [2, 4, 5]])
  }

  @Test func `a new file that failed is removed, unless another process has written to it`() throws {
    for isShared in [false, true] {
      let name = isShared ? "/log/data.1.log" : "/log/data.log"
      disk.remove("/log/data.log")
      var file = file()
      try file.store(line(1), demands(sync: false))
      if isShared { disk.append(line(9), to: "/log/data.log") }
      var faults = 1
      disk.fault = { call in
        guard call == .sync && faults > 0 else { return nil }
        faults -= 1
        return .fail(EIO)
      }
      try file.store(line(2), demands())
      #expect(durable[name] == [1, 2])
      if isShared { #expect(durable["/log/data.log"] == [9]) } else { #expect(durable.count == 1) }
    }
  }

  @Test func `when 1,000 successors of a failed file are there no further name is tried`() throws {
    #expect(DataLogNaming.successors == 1_000)
    for number in 0...1_000 { disk.place("/log/\(DataLogNaming.single.name(at: logNoon, number: number))", size: 0) }
    var file = file()
    var opens = 0
    disk.fault = { call in
      if call == .open { opens += 1 }
      return call == .write ? .fail(EIO) : nil
    }
    #expect(throws: DataLogError(.write, errno: EIO, path: "/log/data.log")) { try file.store(line(1), demands()) }
    // Each name once, and the few files and directories that were opened before.
    #expect((1_001...1_010).contains(opens))
    #expect(disk.names.count == 1_001)
    #expect(file.unconfirmed == line(1), "kept for the next attempt")
    disk.fault = { _ in nil }
    try file.store([], demands())
    #expect(durable["/log/data.1.log"] == [1], "a sound one of those that are there takes it")
  }

  @Test func `a directory that can't be made, synced or written in is an error`() throws {
    var file = file()
    disk.fault = { $0 == .makeDirectory ? .fail(EROFS) : nil }
    #expect(throws: DataLogError(.directory, errno: EROFS, path: "/log")) { try file.store(line(1), demands()) }
    disk.fault = { $0 == .directorySync ? .fail(EIO) : nil }
    #expect(throws: DataLogError(.directory, errno: EIO, path: "/")) { try file.store([], demands()) }
    disk.fault = { $0 == .open ? .fail(EACCES) : nil }
    #expect(throws: DataLogError(.directory, errno: EACCES, path: "/")) { try file.store([], demands()) }
    disk.fault = { _ in nil }
    try file.store([], demands())
    #expect(durable == ["/log/data.log": [1]])
  }

  @Test func `a renamed file keeps what it has, and a new one is opened`() throws {
    var file = file()
    try file.store(line(1), demands(sync: false))
    disk.rename("/log/data.log", to: "/log/data.log.1")
    try file.store(line(2), demands(sync: false, second: 0))
    #expect(disk.names["/log/data.log"] == nil, "not looked at yet: that second isn't over")
    try file.store(line(3), demands(sync: false, second: 1))
    try file.store([], demands())
    #expect(durable == ["/log/data.log.1": [1, 2], "/log/data.log": [3]])
  }

  @Test func `what went into a removed file since the last fsync is written again`() throws {
    var file = file()
    try file.store(line(1), demands(sync: false))
    disk.remove("/log/data.log")
    try file.store(line(2), demands())
    #expect(durable == ["/log/data.log": [1, 2]])
  }

  @Test func `days have files of their own, each synced before it is left`() throws {
    var file = file(.daily)
    let midnight = RecordTime("2026-11-24T00:00:00Z") ?? logNoon
    try file.store(line(1), demands(sync: false, at: RecordTime(microseconds: midnight.microseconds - 1)))
    try file.store(line(2), demands(sync: false, at: midnight))
    #expect(durable["/log/data.2026-11-23.log"] == [1])
    try file.store([], demands(at: midnight))
    #expect(durable == ["/log/data.2026-11-23.log": [1], "/log/data.2026-11-24.log": [2]])
  }

  @Test func `when the fsync at midnight fails the new day's file has it all`() throws {
    var file = file(.daily)
    let midnight = RecordTime("2026-11-24T00:00:00Z") ?? logNoon
    try file.store(line(1), demands(sync: false))
    var faults = 1
    disk.fault = { call in
      guard call == .sync && faults > 0 else { return nil }
      faults -= 1
      return .fail(EIO)
    }
    try file.store(line(2), demands(at: midnight))
    #expect(durable["/log/data.2026-11-24.log"] == [1, 2])
  }

  @Test func `files are named for the operator to find`() {
    let time = RecordTime(microseconds: 1_795_000_000_999_999)
    #expect(DataLogNaming.dropLog(subscription: 352).name(at: time, number: 0) == "subscription_352_1795000000.data")
    #expect(DataLogNaming.dropLog(subscription: 352).name(at: time, number: 1) == "subscription_352_1795000000.1.data")
    #expect(DataLogNaming.daily.name(at: logNoon, number: 1) == "data.2026-11-23.1.log")
    #expect(DataLogNaming.single.name(at: logNoon, number: 0) == "data.log")
  }

  @Test func `a drop log goes on in a new file past 1 GiB`() throws {
    let start = RecordTime(microseconds: 1_795_000_000_000_000)
    let later = RecordTime(microseconds: 1_795_000_007_000_000)
    disk.place("/log/subscription_352_1795000000.data", size: 1_073_741_824 - line(1).count - 1)
    var file = file(.dropLog(subscription: 352))
    try file.store(line(1), demands(at: start))
    try file.store(line(2), demands(at: later))
    #expect(
      durable == ["/log/subscription_352_1795000000.data": [1], "/log/subscription_352_1795000007.data": [2]])
  }

  @Test func `a drop log goes on with the file it is given, unless that is full or gone`() throws {
    let start = RecordTime(microseconds: 1_795_000_000_000_000)
    let later = RecordTime(microseconds: 1_795_000_007_000_000)
    var first = file(.dropLog(subscription: 352))
    try first.store(line(1), demands(at: start))
    let path = try #require(first.path)
    first.close()
    for (number, name) in [(2, path), (3, path)] {
      var next = file(.dropLog(subscription: 352))
      next.continued = name
      try next.store(line(number), demands(at: later))
      next.close()
    }
    #expect(durable == [path: [1, 2, 3]])
    disk.place("/log/full.data", size: 1_073_741_824)
    var next = file(.dropLog(subscription: 352))
    next.continued = "/log/full.data"
    try next.store(line(4), demands(at: later))
    next.close()
    next.continued = "/log/gone.data"
    try next.store(line(5), demands(at: later))
    #expect(durable["/log/subscription_352_1795000007.data"] == [4, 5])
    #expect(durable["/log/full.data"] == [])
  }

  /// Any call may fail at any time, files are renamed, days change, and the power is cut after some steps: whatever
  /// `store` said was stored must be there. A thousand lives, from a seed each.
  @Test func `no record that was confirmed is ever lost`() throws {
    for seed in 0..<1000 {
      var life = Life(seed: UInt64(seed))
      life.run()
      #expect(life.confirmed.isSubset(of: life.survivors), "seed \(seed)")
      try life.recover()
      #expect(life.confirmed.union(life.written).isSubset(of: life.survivors), "seed \(seed): writes are kept")
      #expect(life.refused.isDisjoint(with: life.keptAtTheEnd), "seed \(seed): refused commits are not")
    }
  }
}

/// A log on a disk with random faults. Its lines are the numbers of the steps.
private struct Life {
  private let disk = FakeDisk()
  private let chance = LogShared(0)
  private var file: DataLogFile
  private var random: LogDice
  private var uptime: UInt64 = 0

  /// Steps whose lines are on disk, as `store` said.
  private(set) var confirmed: Set<Int> = []
  /// Steps whose lines were accepted without an fsync.
  private(set) var written: Set<Int> = []
  /// Steps that heard of a failure.
  private(set) var refused: Set<Int> = []
  private(set) var keptAtTheEnd: Set<Int> = []

  init(seed: UInt64) {
    random = LogDice(state: seed)
    file = DataLogFile(
      directory: "/a/log", naming: seed % 2 == 0 ? .single : .daily, operations: disk.operations)
    var dice = LogDice(state: ~seed)
    disk.fault = { [chance] call in
      guard Int.random(in: 0..<100, using: &dice) < chance.with({ $0 }) else { return nil }
      return call == .write && Bool.random(using: &dice) ? .short(Int.random(in: 0..<4, using: &dice)) : .fail(EIO)
    }
  }

  var survivors: Set<Int> { Set(disk.contentsAfterPowerCut.values.flatMap(Self.numbers)) }

  mutating func run() {
    for step in 100..<Int.random(in: 101..<160, using: &random) {
      let chance = [0, 0, 5, 30, 100].randomElement(using: &random) ?? 0
      self.chance.with { $0 = chance }
      uptime += UInt64.random(in: 0..<700_000_000, using: &random)
      if Int.random(in: 0..<10, using: &random) == 0 {
        for name in disk.names.keys.sorted() where Bool.random(using: &random) {
          disk.rename(name, to: "\(name).\(step)")
        }
      }
      let reopen = Int.random(in: 0..<10, using: &random) == 0
      store(step, sync: Bool.random(using: &random), reopen: reopen)
    }
  }

  private mutating func store(_ step: Int, sync: Bool, reopen: Bool) {
    let line = Array("\(step)\n".utf8)
    let time = RecordTime(microseconds: logNoon.microseconds + Int64(step) * 3_600_000_000)
    do {
      try file.store(line, .init(sync: sync, reopen: reopen, time: time, uptime: uptime))
      written.insert(step)
      if sync { confirmed.formUnion(written) }
    } catch {
      if sync {
        file.forget([0..<line.count], ofBatch: line.count)
        refused.insert(step)
      } else {
        written.insert(step)
      }
    }
  }

  /// All is well again, and what is left is stored.
  mutating func recover() throws {
    chance.with { $0 = 0 }
    keptAtTheEnd = Set(Self.numbers(file.unconfirmed))
    try file.store([], .init(sync: true, time: logNoon, uptime: uptime))
  }

  private static func numbers(_ bytes: [UInt8]) -> [Int] {
    bytes.split(separator: 0x0A).compactMap { $0.count == 3 ? Int(String(decoding: $0, as: UTF8.self)) : nil }
  }
}

/// - Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators".
struct LogDice: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}
