// The pusher alone: one POST, and whether its answer is an acknowledgement. pusher-example [subscriber's URL]
import MEDCore
import MEDPush

let target = CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : "http://127.0.0.1:8080/orders"
let pusher = CurlPusher()
let answer = await pusher.push(
  PushRequest(
    url: "\(target)?attempt=1", target: target, contentType: "application/json", body: Array(#"{"order": 4711}"#.utf8),
    headers: [("X-Trace", "4711")], timeout: .seconds(5)))

switch answer {
case .answered(let status, let body, let truncated, _):
  let verdict = PushVerdict(status: status, body: body, truncated: truncated, mode: .status)
  print("answered \(status): \(verdict)")
case .failed(let failure):
  print("failed (\(failure.kind)): \(failure.message)")
}
