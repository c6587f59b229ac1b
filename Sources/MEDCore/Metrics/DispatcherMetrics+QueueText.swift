/// Queue servers, and what waits in queues.
extension DispatcherMetrics {
  func append(queueServers text: inout PrometheusText) {
    gauge(&text, "medispatcher_queue_server_up", "1 while commands can be sent to the queue server.") { $0.isReachable }
    gauge(
      &text, "medispatcher_queue_server_state_age_seconds", "How long it has been reachable, or not."
    ) { $0.secondsSinceChange }
    text.metric("medispatcher_queue_server_connections", .gauge, "Connections that are up, by what they are for.") {
      for server in state.queueServers {
        $0.sample(server.commandConnectionsUp, [("queue_server", server.address), ("role", "command")])
        $0.sample(server.takeConnectionsUp, [("queue_server", server.address), ("role", "take")])
        $0.sample(server.listenersUp, [("queue_server", server.address), ("role", "listener")])
      }
    }
    counter(&text, "medispatcher_deleted_jobs_total", "Jobs that the queue server has deleted.") { $0.deleted }
    counter(&text, "medispatcher_kicked_jobs_total", "Jobs given back to their tubes.") { $0.kicked }
    gauge(&text, "medispatcher_unsettled_jobs", "Jobs to be deleted or kicked, not confirmed yet.") { $0.unsettled }
    gauge(&text, "medispatcher_main_queue_parked_messages", "Messages of the main queue that wait.") { $0.parked }
    gauge(
      &text, "medispatcher_main_queue_exceptions", "Messages of the main queue that leave the common way."
    ) { $0.exceptions }
    gauge(&text, "medispatcher_puts_in_progress", "Calls for puts that aren't answered yet.") { $0.putsUnderWay }
    gauge(&text, "medispatcher_adrift_jobs", "Jobs that may lie buried with nobody to care for them.") { $0.adrift }
    gauge(&text, "medispatcher_unsent_bytes", "Bytes of commands that the kernel hasn't taken yet.") { $0.unsentBytes }
    gauge(&text, "medispatcher_held_tubes", "Tubes watched to show that somebody works on them.") { $0.heldTubes }
    gauge(&text, "medispatcher_lanes_waiting", "Lanes that wait for their turn to take jobs.") { $0.lanesWaiting }
    gauge(&text, "medispatcher_foreign_tubes", "Tubes of nobody here.") { $0.foreignTubes }
  }

  func append(queues text: inout PrometheusText) {
    text.metric("medispatcher_main_queue_jobs", .gauge, "What waits in the main queue.") {
      for server in state.queueServers {
        for (name, jobs) in server.mainQueue.byState {
          $0.sample(jobs, [("queue_server", server.address), ("state", name)])
        }
      }
    }
    text.metric("medispatcher_main_queue_sample_age_seconds", .gauge, "How long ago the main queue was looked at.") {
      for server in state.queueServers {
        if let age = server.mainQueue.ageSeconds { $0.sample(age, [("queue_server", server.address)]) }
      }
    }
    let sums = [("channel", channels), ("retry", retryChannels)]
    text.metric("medispatcher_backlog_jobs", .gauge, "What waits in all channels, and in all retry channels.") {
      for (queue, jobs) in sums {
        for (name, jobs) in jobs.byState { $0.sample(jobs, [("queue", queue), ("state", name)]) }
      }
    }
    text.metric("medispatcher_backlog_sample_age_seconds", .gauge, "How long ago the oldest part was looked at.") {
      for (queue, jobs) in sums { if let age = jobs.ageSeconds { $0.sample(age, [("queue", queue)]) } }
    }
  }

  func append(subscriptions text: inout PrometheusText) {
    text.metric("medispatcher_subscription_pushes_total", .counter, "Pushes of a subscription, by how they ended.") {
      for subscription in subscriptions {
        $0.sample(subscription.delivered, adding("outcome", "delivered", to: subscription.labels))
        $0.sample(subscription.failed, adding("outcome", "failed", to: subscription.labels))
      }
    }
    text.metric("medispatcher_subscription_jobs", .gauge, "What waits for a subscription.") {
      for subscription in subscriptions {
        for (queue, labels) in subscription.queues {
          for (name, jobs) in queue.jobs.byState { $0.sample(jobs, adding("state", name, to: labels)) }
        }
      }
    }
    text.metric("medispatcher_subscription_sample_age_seconds", .gauge, "How long ago that queue was looked at.") {
      for subscription in subscriptions {
        for (queue, labels) in subscription.queues {
          if let age = queue.jobs.ageSeconds { $0.sample(age, labels) }
        }
      }
    }
    text.metric("medispatcher_subscription_in_flight", .gauge, "Pushes of a subscription under way.") {
      for subscription in subscriptions {
        for (queue, labels) in subscription.queues { $0.sample(queue.inFlight, labels) }
      }
    }
    text.metric(
      "medispatcher_subscriptions_left_out", .gauge,
      "Subscriptions with pushes in the last hour, or with jobs, that aren't among those above: too many.", leftOut)
    text.metric(
      "medispatcher_subscriptions_counted", .gauge, "Subscriptions whose pushes are counted by themselves.", counted)
    text.metric(
      "medispatcher_subscriptions_uncounted_total", .counter, "Times that a subscription wasn't: too many.", uncounted)
  }

  private func gauge<Value: MetricValue>(
    _ text: inout PrometheusText, _ name: StaticString, _ help: StaticString, _ value: (QueueServerState) -> Value
  ) {
    text.metric(name, .gauge, help) {
      for server in state.queueServers { $0.sample(value(server), [("queue_server", server.address)]) }
    }
  }

  private func counter(
    _ text: inout PrometheusText, _ name: StaticString, _ help: StaticString, _ value: (QueueServerState) -> Int
  ) {
    text.metric(name, .counter, help) {
      for server in state.queueServers { $0.sample(value(server), [("queue_server", server.address)]) }
    }
  }
}

private func adding(
  _ name: StaticString, _ value: String, to labels: PrometheusText.Labels
) -> PrometheusText.Labels {
  var labels = labels
  labels.append((name: name, value: value))
  return labels
}

extension DispatcherMetrics.Subscription {
  fileprivate var labels: PrometheusText.Labels { [("topic", topic), ("subscription", "\(subscription)")] }

  /// The channel, and the retry channel if there is anything in it.
  fileprivate var queues: [(DispatcherMetrics.Queue, PrometheusText.Labels)] {
    var queues = [(channel, adding("queue", "channel", to: labels))]
    if retryChannel.jobs.all > 0 || retryChannel.inFlight > 0 {
      queues.append((retryChannel, adding("queue", "retry", to: labels)))
    }
    return queues
  }
}
