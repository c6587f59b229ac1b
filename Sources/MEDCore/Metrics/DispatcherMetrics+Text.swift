extension DispatcherMetrics {
  /// As Prometheus reads it; each name is told in Docs/statistics.md.
  public var prometheusText: [UInt8] {
    var text = PrometheusText()
    text.metric("medispatcher_build_info", .gauge, "What the program is; always 1.") {
      $0.sample(1, build.map { (name: $0.label, value: $0.value) })
    }
    append(messages: &text)
    append(pushes: &text)
    append(lanes: &text)
    append(queueServers: &text)
    append(queues: &text)
    append(subscriptions: &text)
    append(store: &text)
    append(logs: &text)
    append(recoverLists: &text)
    append(alerts: &text)
    append(commands: &text)
    append(process: &text)
    return text.bytes
  }

  private func append(messages text: inout PrometheusText) {
    let counters = state.counters
    text.metric(
      "medispatcher_messages_received_total", .counter, "Messages taken from the main queue.", counters.received)
    text.metric("medispatcher_copies_total", .counter, "Copies confirmed in channels.", counters.copies)
    text.metric(
      "medispatcher_messages_unsubscribed_total", .counter, "Messages of topics without subscription, deleted.",
      counters.unsubscribed)
    text.metric(
      "medispatcher_messages_undecodable_total", .counter, "Jobs that are no message, recorded (DECODERR).",
      counters.undecodable)
    text.metric(
      "medispatcher_redistribution_failures_total", .counter, "Copies that no queue server took (REDISTFAIL).",
      counters.redistributionFailures)
    text.metric("medispatcher_messages_retried_total", .counter, "Messages put into a retry channel.", counters.retried)
    text.metric(
      "medispatcher_messages_exhausted_total", .counter, "Messages given up after the last retry (EXHAUSTED).",
      counters.exhausted)
    text.metric("medispatcher_messages_dropped_total", .counter, "Messages dropped on purpose (DROPPED), by reason.") {
      $0.sample(counters.dropped, [("reason", "no_url")])
      $0.sample(counters.droppedByPolicy, [("reason", "policy")])
    }
  }

  private func append(pushes text: inout PrometheusText) {
    text.metric("medispatcher_pushes_total", .counter, "Pushes that have ended, by outcome.") { samples in
      for (queue, counts) in [("channel", state.pushes.first), ("retry", state.pushes.repeated)] {
        for outcome in PushOutcome.allCases {
          samples.sample(counts[outcome.name] ?? 0, [("queue", queue), ("outcome", outcome.name)])
        }
      }
    }
    text.metric(
      "medispatcher_push_duration_seconds", .histogram, "How long pushes took, to the answer's last byte."
    ) { $0.sample(state.pushes.durations) }
    text.metric("medispatcher_pushes_in_flight", .gauge, "Pushes under way.", state.lanes.inFlight)
  }

  private func append(lanes text: inout PrometheusText) {
    text.metric(
      "medispatcher_lanes_awake", .gauge, "Channels and retry channels with something to do.", state.lanes.awake)
    text.metric(
      "medispatcher_lanes_parked_messages", .gauge, "Messages of lanes that wait for a queue server or the DATA log.",
      state.lanes.parked)
    text.metric("medispatcher_work_in_progress", .gauge, "Pieces of work that a stop waits for.", state.workUnderWay)
    text.metric(
      "medispatcher_stopping", .gauge, "1 while it takes nothing new and finishes what it has.", state.isStopping)
    text.metric("medispatcher_uptime_seconds", .gauge, "How long the dispatcher has been running.", state.uptimeSeconds)
  }

  private func append(store text: inout PrometheusText) {
    let directory = state.directory
    text.metric("medispatcher_subscriptions", .gauge, "Live subscriptions.", directory.subscriptions)
    text.metric("medispatcher_topics", .gauge, "Topics that they have.", directory.topics)
    text.metric(
      "medispatcher_absent_topics", .gauge, "Topics that are known to have no subscription.", directory.absentTopics)
    text.metric("medispatcher_store_up", .gauge, "1 while the store answers.", directory.storeError == nil)
    text.metric("medispatcher_store_errors_total", .counter, "Times that the store has failed.", directory.storeErrors)
    text.metric(
      "medispatcher_store_answer_age_seconds", .gauge, "How long ago the store last said what there is."
    ) { if let age = directory.secondsSinceRefresh { $0.sample(age) } }
    text.metric(
      "medispatcher_subscriptions_from_snapshot", .gauge, "1 while the state in force is that of an earlier run.",
      directory.isFromSnapshot)
    text.metric(
      "medispatcher_snapshot_writable", .gauge, "0 while the snapshot can't be written.", directory.snapshotError == nil
    )
    guard let failures = state.failureLog else { return }
    text.metric("medispatcher_failure_log_waiting_rows", .gauge, "Rows of the failure log that wait.", failures.waiting)
    text.metric(
      "medispatcher_failure_log_lost_rows_total", .counter, "Rows that could not be written, and were logged instead.",
      failures.lost)
  }

  private func append(logs text: inout PrometheusText) {
    guard let log = state.dataLog else { return }
    text.metric(
      "medispatcher_data_log_writable", .gauge, "0 while records of the DATA log can't be written.", log.isWritable)
    text.metric("medispatcher_data_log_records_total", .counter, "Records written.", log.recordsWritten)
    text.metric(
      "medispatcher_data_log_dropped_records_total", .counter, "Records of what exists elsewhere too that were lost.",
      log.recordsDropped)
    text.metric(
      "medispatcher_data_log_failures_total", .counter, "Records that could not be written: their messages wait.",
      log.commitsFailed)
    text.metric("medispatcher_data_log_syncs_total", .counter, "Calls of fsync.", log.syncs)
    text.metric("medispatcher_data_log_waiting_records", .gauge, "Records that wait for the disk.", log.commitsWaiting)
    text.metric("medispatcher_data_log_held_bytes", .gauge, "Bytes of records in memory.", log.bytesHeld)
  }

  private func append(recoverLists text: inout PrometheusText) {
    guard let lists = state.recoverLists else { return }
    let counters = state.counters
    text.metric("medispatcher_recover_lists_up", .gauge, "1 while the recover lists can be read.", lists.isReachable)
    text.metric("medispatcher_recover_lists", .gauge, "Lists that may have entries.", lists.lists)
    text.metric("medispatcher_recover_strangers", .gauge, "Keys that are named like one and are none.", lists.strangers)
    text.metric("medispatcher_recover_waiting_entries", .gauge, "Entries that wait for the DATA log.", lists.waiting)
    text.metric(
      "medispatcher_recover_adopted_lists_total", .counter, "Lists of dead processes taken up.", lists.adopted)
    text.metric(
      "medispatcher_recover_set_aside_entries_total", .counter, "Entries too large to be read.", lists.setAside)
    text.metric(
      "medispatcher_recover_messages_total", .counter, "Messages put into the main queue.", counters.recovered)
    text.metric(
      "medispatcher_recover_put_backs_total", .counter, "Messages that no queue server took, put back.",
      counters.recoverPutBacks)
    text.metric(
      "medispatcher_recover_records_total", .counter, "Entries recorded (RECOVFAIL…).", counters.recoverFailures)
  }

  private func append(commands text: inout PrometheusText) {
    guard let rpc = state.rpc else { return }
    text.metric("medispatcher_rpc_connections", .gauge, "Clients of the control panel's protocol.", rpc.connections)
    text.metric("medispatcher_rpc_clients_total", .counter, "Clients that came, by what became of them.") {
      $0.sample(rpc.accepted, [("result", "accepted")])
      $0.sample(rpc.refused, [("result", "refused")])
      $0.sample(rpc.tooMany, [("result", "too_many")])
    }
    text.metric("medispatcher_rpc_hangups_total", .counter, "Clients that were hung up on, by reason.") {
      $0.sample(rpc.malformed, [("reason", "malformed")])
      $0.sample(rpc.tooSlow, [("reason", "too_slow")])
    }
    text.metric("medispatcher_rpc_requests_total", .counter, "Requests read.", rpc.requests)
    text.metric("medispatcher_rpc_failures_total", .counter, "Requests answered with failed.", rpc.failed)
    text.metric("medispatcher_rpc_commands_in_progress", .gauge, "Commands under way.", rpc.commandsUnderWay)
    text.metric("medispatcher_rpc_commands_total", .counter, "Commands carried out, by name and how they ended.") {
      for command in commands {
        $0.sample(command.finished, [("command", command.name), ("status", "ok")])
        $0.sample(command.failed, [("command", command.name), ("status", "failed")])
      }
    }
  }

  /// By the names that Prometheus' own libraries have for them.
  private func append(process text: inout PrometheusText) {
    text.metric("process_cpu_seconds_total", .counter, "CPU time, user and system.", process.cpuSeconds)
    text.metric("process_start_time_seconds", .gauge, "Start of the process since 1970.", process.startTime)
    text.metric("process_resident_memory_bytes", .gauge, "Memory in RAM.", process.residentBytes)
    text.metric("process_virtual_memory_bytes", .gauge, "Addresses in use.", process.virtualBytes)
    text.metric("process_open_fds", .gauge, "Open files and connections.", process.openDescriptors)
    text.metric("process_max_fds", .gauge, "Files and connections that may be open.", process.maximumDescriptors)
    text.metric("process_threads", .gauge, "Threads.", process.threads)
  }
}
