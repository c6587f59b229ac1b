import MEDAdmin
import MEDCore

extension StatsReport {
  /// For scripts: one object in one line, with all tubes that exist and the dispatcher's whole state.
  var json: String {
    var bytes = Array(#"{"time":""#.utf8)
    time.append(to: &bytes)
    bytes += #"","complete":\#(isComplete),"store_error":"#.utf8
    append(storeFailure, to: &bytes)
    bytes += #","queue_servers":["#.utf8
    for (index, server) in servers.enumerated() {
      if index > 0 { bytes += ",".utf8 }
      append(server, to: &bytes)
    }
    bytes += #"],"dispatcher":"#.utf8
    appendDispatcher(to: &bytes)
    bytes += "}".utf8
    return String(decoding: bytes, as: UTF8.self)
  }

  private func append(_ text: String?, to bytes: inout [UInt8]) {
    if let text { appendJSONString(text, to: &bytes) } else { bytes += "null".utf8 }
  }

  private func append(_ server: SurveyedServer, to bytes: inout [UInt8]) {
    bytes += #"{"address":"#.utf8
    append(server.address.description, to: &bytes)
    bytes += #","error":"#.utf8
    append(server.failure, to: &bytes)
    if let totals = server.totals {
      bytes += #","version":"#.utf8
      append(totals.version, to: &bytes)
      bytes += #","ready":\#(totals.ready),"delayed":\#(totals.delayed),"buried":\#(totals.buried)"#.utf8
      bytes += #","reserved":\#(totals.reserved),"draining":\#(totals.draining)"#.utf8
      bytes += #","other_tubes":\#(server.otherTubes)"#.utf8
    }
    bytes += #","tubes":["#.utf8
    for (index, tube) in server.tubes.enumerated() {
      if index > 0 { bytes += ",".utf8 }
      append(tube, to: &bytes)
    }
    bytes += "]}".utf8
  }

  private func append(_ tube: SurveyedServer.Tube, to bytes: inout [UInt8]) {
    bytes += #"{"tube":"#.utf8
    append(tube.name, to: &bytes)
    bytes += #","kind":"\#(tube.role.kind.rawValue)","subscription":"#.utf8
    bytes += (tube.role.subscription.map(String.init) ?? "null").utf8
    bytes += #","topic":"#.utf8
    append(tube.role.topic, to: &bytes)
    let counts = tube.statistics
    bytes += #","ready":\#(counts.ready),"delayed":\#(counts.delayed),"buried":\#(counts.buried)"#.utf8
    bytes += #","reserved":\#(counts.reserved),"watching":\#(counts.watching)}"#.utf8
  }

  private func appendDispatcher(to bytes: inout [UInt8]) {
    switch dispatcher {
    case .off:
      bytes += #"{"address":null,"answers":false,"error":"DebugAddr is empty"}"#.utf8
    case .silent(let address, let reason):
      bytes += #"{"address":"#.utf8
      append(address, to: &bytes)
      bytes += #","answers":false,"error":"#.utf8
      append(reason, to: &bytes)
      bytes += "}".utf8
    case .answered(let address, let state):
      bytes += #"{"address":"#.utf8
      append(address, to: &bytes)
      bytes += #","answers":true,"state":"#.utf8
      bytes += (try? state.json()) ?? Array("null".utf8)
      bytes += "}".utf8
    }
  }
}
