import Foundation

/// The reference library of Standard Webhooks, as a subscriber would use it.
public enum WebhookVerifier {
  public struct Case {
    let secret: String
    let headers: [String: String]
    let body: String

    public init(secret: String, headers: [(name: String, value: String)], body: String) {
      self.secret = secret
      self.headers = Dictionary(headers.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
      self.body = body
    }

    public init(secret: String, _ request: ReceivedRequest) {
      self.init(secret: secret, headers: request.headers, body: request.text)
    }
  }

  /// What the library says to each case: `valid`, or why not.
  public static func verdicts(_ cases: [Case]) async throws -> [String] {
    let input = try JSONSerialization.data(
      withJSONObject: cases.map { ["secret": $0.secret, "headers": $0.headers, "body": $0.body] as [String: Any] })
    let finished = try await PythonPackages.run(
      """
      import json, sys
      from standardwebhooks.webhooks import Webhook, WebhookVerificationError

      for case in json.load(sys.stdin):
          try:
              Webhook(case["secret"]).verify(case["body"], case["headers"])
              sys.stdout.write("valid\\n")
          except WebhookVerificationError as error:
              sys.stdout.write(f"{error}\\n")
      """, input: String(decoding: input, as: UTF8.self))
    guard finished.status == .code(0) else { throw Unexpected(description: finished.errors) }
    return finished.output.split(separator: "\n").map(String.init)
  }
}
