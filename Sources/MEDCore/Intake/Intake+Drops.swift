/// Messages that a subscription's drop policy keeps out of its full channel (SPEC §4).
extension Intake {
  /// Action 1: the drop log is the copy's home.
  /// - Returns: false if it can't be written and the message must wait for it.
  func drop(_ copy: [UInt8], _ entry: inout Settler.Entry, _ channel: SubscribedChannel) async -> Bool {
    // The policy may have changed since the message began to wait; one that forgets keeps nothing waiting.
    if channel.parameters.dropAction == .drop {
      forget(channel, &entry)
      return true
    }
    let record = record(entry, channel, payload: copy)
    guard await withPatience(forDisk: { await context.commit(record, to: context.dropLog) }) else { return false }
    count(channel)
    desk.settler.homeFound(&entry)
    return true
  }

  /// Action 2: nobody wants the copy. The DATA log says that there was one.
  func forget(_ channel: SubscribedChannel, _ entry: inout Settler.Entry) {
    context.dataLog.write(record(entry, channel, payload: nil))
    count(channel)
    desk.settler.homeFound(&entry)
  }

  private func record(_ entry: Settler.Entry, _ channel: SubscribedChannel, payload: [UInt8]?) -> DataRecord {
    DataRecord(
      .dropped, topic: channel.topic, subscription: channel.id, queueServer: desk.queue.address.description,
      tube: channel.names?.channel.description, jobID: entry.job.id.number,
      reason: "the channel's backlog was above DropMessageThreshold \(channel.parameters.dropMessageThreshold)",
      payload: payload)
  }

  private func count(_ channel: SubscribedChannel) {
    context.counters.droppedByPolicy += 1
    context.warn(.dropPolicy, of: channel, "a channel's backlog is above its threshold; messages are dropped")
  }
}
