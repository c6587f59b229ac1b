import Foundation

/// A small server in Python on a free port of 127.0.0.1, for what no server in this package speaks: TLS, proxies.
///
/// It gets the port, the name of a file and its own arguments, and writes a JSON object per request to that file.
public final class PythonServer: Sendable {
  public let port: UInt16
  private let directory: TemporaryDirectory
  private let process: ServerProcess

  private init(_ script: String, _ arguments: [String]) throws {
    directory = try TemporaryDirectory("python")
    port = try FreePort.next()
    let file = try directory.write(script, to: "server.py")
    process = try ServerProcess("python3", [file, "\(port)", directory.file("seen")] + arguments)
  }

  private static func start(_ script: String, _ arguments: [String]) async throws -> PythonServer {
    let server = try PythonServer(script, arguments)
    try await server.process.waitUntilReady(within: .seconds(20)) {
      (try? BlockingSocket(port: server.port, timeout: .seconds(5))) != nil
    }
    return server
  }

  /// A subscriber over TLS that answers every POST with `{"status":1}`.
  public static func tls(certificate: String, key: String) async throws -> PythonServer {
    try await start(tlsScript, [certificate, key])
  }

  /// A proxy for http, and with CONNECT for https.
  /// - Parameter credentials: `user:password` that it asks for.
  public static func proxy(credentials: String = "") async throws -> PythonServer {
    try await start(proxyScript, [credentials])
  }

  /// What it wrote so far, all values as text.
  public var seen: [[String: String]] {
    directory.read("seen").split(separator: "\n").compactMap {
      try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: String]
    }
  }

  private static let common = """
    import base64, http.client, http.server, json, select, socket, ssl, sys, threading, urllib.parse

    lock = threading.Lock()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def note(self, **more):
            with lock, open(sys.argv[2], "a") as file:
                file.write(json.dumps({"method": self.command, "target": self.path, **more}) + "\\n")

        def body(self):
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))

        def answer(self, status, body=b"", **headers):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    def serve(handler, context=None):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), handler)
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        server.serve_forever()

    """

  private static let tlsScript =
    common + """
      class Receiver(Handler):
          def do_POST(self):
              self.note(body=self.body().decode())
              self.answer(200, b'{"status":1}')

      context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
      context.load_cert_chain(sys.argv[3], sys.argv[4])
      serve(Receiver, context)
      """

  private static let proxyScript =
    common + """
      wanted = "Basic " + base64.b64encode(sys.argv[3].encode()).decode() if sys.argv[3] else None

      class Proxy(Handler):
          def is_allowed(self):
              given = self.headers.get("Proxy-Authorization")
              self.note(authorization=given or "")
              if given == wanted:
                  return True
              self.close_connection = True
              self.answer(407, Proxy_Authenticate='Basic realm="test"')
              return False

          def do_CONNECT(self):
              if not self.is_allowed():
                  return
              self.close_connection = True
              host, port = self.path.rsplit(":", 1)
              try:
                  upstream = socket.create_connection((host.strip("[]"), int(port)), 10)
              except OSError:
                  return self.answer(502)
              self.send_response(200, "Connection established")
              self.end_headers()
              ends = {self.connection: upstream, upstream: self.connection}
              while True:
                  for end in select.select(list(ends), [], [])[0]:
                      piece = end.recv(65536)
                      if not piece:
                          return
                      ends[end].sendall(piece)

          def do_POST(self):
              body = self.body()
              if not self.is_allowed():
                  return
              url = urllib.parse.urlsplit(self.path)
              headers = {k: v for k, v in self.headers.items() if not k.lower().startswith("proxy-")}
              upstream = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
              try:
                  upstream.request("POST", url.path + "?" + url.query, body, headers)
                  answer = upstream.getresponse()
                  self.answer(answer.status, answer.read())
              except OSError:
                  self.answer(502)

      serve(Proxy)
      """
}
