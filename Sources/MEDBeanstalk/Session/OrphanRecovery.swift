import MEDCore

extension BeanstalkServer {
  /// Looks for buried jobs that nobody works on, and kicks them if that is asked for.
  ///
  /// A dispatcher at work watches the main queue, and each tube whose jobs it has. To tell others of us, and us of others
  /// that start at the same time, the main queue is watched before it is looked at: of two that do so at once each sees
  /// the other, and neither kicks.
  /// - Throws: what the connection or the server refused; jobs kicked before stay so.
  public func findOrphans(_ search: OrphanSearch) async throws -> OrphanReport {
    var report = OrphanReport()
    var missing = try await looks.statistics().buried
    if missing == 0 { return report }
    // `default` is watched by every connection, whatever it does.
    let mayTell = search.mainQueue != .standard
    if mayTell { _ = try await looks.ask(.watch(search.mainQueue)) }
    do {
      let watchers = try await looks.statistics(of: search.mainQueue)?.watching ?? 0
      report.othersAreAtWork = !mayTell || watchers > 1
      for name in try await looks.tubes() where missing > 0 && search.concerns(name) {
        guard let tube = TubeName(name), let found = try await looks.statistics(of: tube), found.buried > 0 else {
          continue
        }
        missing -= found.buried
        let others = found.watching - ownWatchers(of: tube) - (tube == search.mainQueue && mayTell ? 1 : 0)
        let entry = OrphanReport.Tube(tube, buried: found.buried)
        if others > 0 { report.watched.append(entry) } else { report.orphaned.append(entry) }
      }
      if search.kicks, !report.othersAreAtWork {
        for (index, tube) in report.orphaned.enumerated() {
          report.orphaned[index].kicked = try await TubeSweep(tube: tube.name, state: .buried, verb: .kick)
            .run(atMost: tube.buried, on: looks) { _ in true }
        }
      }
    } catch {
      if mayTell { _ = try? await looks.ask(.ignore(search.mainQueue)) }
      throw error
    }
    if mayTell { _ = try await looks.ask(.ignore(search.mainQueue)) }
    return report
  }

  /// Connections of ours that watch a tube because something is put into it.
  private func ownWatchers(of tube: TubeName) -> Int {
    commands.count { $0.holds[tube]?.state == .held }
  }
}
