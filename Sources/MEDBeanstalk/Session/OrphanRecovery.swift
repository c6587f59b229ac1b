import MEDCore

extension BeanstalkServer {
  /// Looks for buried jobs that nobody works on, and kicks them if that is asked for.
  ///
  /// A dispatcher at work watches the main queue, and each tube whose jobs it has. To tell others of us, and us of others
  /// that start at the same time, the main queue is watched before it is looked at: of two that do so at once each sees
  /// the other, and neither kicks.
  /// - Throws: what the connection or the server refused; jobs kicked before stay so.
  public func findOrphans(_ search: OrphanSearch) async throws -> OrphanReport {
    let buried = try await looks.statistics().buried
    if buried == 0 { return OrphanReport() }
    // `default` is watched by every connection, whatever it does.
    guard search.mainQueue != .standard else { return try await buriedJobs(buried, search, othersAreAtWork: true) }
    _ = try await looks.ask(.watch(search.mainQueue))
    let result = await result(buried, search)
    // If it can't be asked any more, the connection is gone, and so is its watching.
    _ = try? await looks.ask(.ignore(search.mainQueue))
    return try result.get()
  }

  /// While the main queue is watched by us.
  private func result(_ buried: Int, _ search: OrphanSearch) async -> Result<OrphanReport, BeanstalkError> {
    do throws(BeanstalkError) {
      let watchers = try await looks.statistics(of: search.mainQueue)?.watching ?? 1
      var report = try await buriedJobs(buried, search, othersAreAtWork: watchers > 1)
      if search.kicks, !report.othersAreAtWork { try await kick(&report, search) }
      return .success(report)
    } catch {
      return .failure(error)
    }
  }

  /// - Parameter total: how many jobs of the server are buried: when all of them are found the search is over.
  private func buriedJobs(
    _ total: Int, _ search: OrphanSearch, othersAreAtWork: Bool
  ) async throws(BeanstalkError) -> OrphanReport {
    var report = OrphanReport()
    report.othersAreAtWork = othersAreAtWork
    var missing = total
    for name in try await looks.tubes() where missing > 0 && search.concerns(name) {
      guard let tube = TubeName(name), let found = try await looks.statistics(of: tube), found.buried > 0 else {
        continue
      }
      missing -= found.buried
      let entry = OrphanReport.Tube(tube, buried: found.buried)
      let isOthers = otherWatchers(found, of: tube, search) > 0
      if isOthers { report.watched.append(entry) } else { report.orphaned.append(entry) }
    }
    return report
  }

  /// As long as nobody begins to work on a tube.
  private func kick(_ report: inout OrphanReport, _ search: OrphanSearch) async throws(BeanstalkError) {
    for (index, tube) in report.orphaned.enumerated() {
      report.orphaned[index].kicked = try await kickBuried(
        in: tube.name, atMost: tube.buried, while: { otherWatchers($0, of: tube.name, search) <= 0 })
    }
  }

  private func otherWatchers(_ seen: TubeStatistics, of tube: TubeName, _ search: OrphanSearch) -> Int {
    seen.watching - ownWatchers(of: tube) - (tube == search.mainQueue && tube != .standard ? 1 : 0)
  }

  /// Connections of ours that watch a tube because something is put into it.
  private func ownWatchers(of tube: TubeName) -> Int {
    commands.count { $0.holds[tube]?.state == .held }
  }
}
