import CCurl
import Glibc

extension TransferHandle {
  /// Sets what stays the same for the life of the handle.
  func configure(_ configuration: HTTPClientConfiguration) {
    setLimits(configuration)
    setTLSAndProxy(configuration)
    setCallbacks()
  }

  private func setLimits(_ configuration: HTTPClientConfiguration) {
    _ = med_easy_restrict_protocols(easy)
    _ = med_easy_set_quick_exit(easy)
    set(CURLOPT_NOSIGNAL, 1)
    set(CURLOPT_FOLLOWLOCATION, 0)
    set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
    // The subscriber gets the path that the operator wrote, `/../` and all.
    set(CURLOPT_PATH_AS_IS, 1)
    set(CURLOPT_ACCEPT_ENCODING, "gzip")
    // Answers are short, and every handle that is kept keeps its buffer.
    set(CURLOPT_BUFFERSIZE, 4096)
    set(CURLOPT_USERAGENT, configuration.userAgent)
    set(CURLOPT_TCP_NODELAY, 1)
    set(CURLOPT_TCP_KEEPALIVE, 1)
    set(CURLOPT_MAXAGE_CONN, Int(configuration.idleConnectionLifetime.components.seconds))
    set(CURLOPT_MAXLIFETIME_CONN, Int(configuration.connectionLifetime.components.seconds))
  }

  private func setTLSAndProxy(_ configuration: HTTPClientConfiguration) {
    set(CURLOPT_SSL_VERIFYPEER, configuration.verifiesCertificates ? 1 : 0)
    set(CURLOPT_SSL_VERIFYHOST, configuration.verifiesCertificates ? 2 : 0)
    if let caFile = configuration.caFile { set(CURLOPT_CAINFO, caFile) }
    // A proxy that is spoken to over TLS is judged by the same rules.
    set(CURLOPT_PROXY_SSL_VERIFYPEER, configuration.verifiesCertificates ? 1 : 0)
    set(CURLOPT_PROXY_SSL_VERIFYHOST, configuration.verifiesCertificates ? 2 : 0)
    if let caFile = configuration.caFile { set(CURLOPT_PROXY_CAINFO, caFile) }
    // Empty strings, because without them the environment's settings count.
    set(CURLOPT_PROXY, configuration.proxy ?? "")
    set(CURLOPT_NOPROXY, "")
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
  }

  private func setCallbacks() {
    let this = Unmanaged.passUnretained(self).toOpaque()
    _ = med_easy_set_pointer(easy, CURLOPT_PRIVATE, this)
    _ = med_easy_set_pointer(easy, CURLOPT_ERRORBUFFER, errorBuffer)
    _ = med_easy_set_pointer(easy, CURLOPT_WRITEDATA, this)
    _ = med_easy_set_write(easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, this in
      let data = UnsafeRawBufferPointer(start: bytes, count: size * count)
      return TransferHandle.at(this)?.receive(data) == true ? data.count : 0
    }
    _ = med_easy_set_pointer(easy, CURLOPT_HEADERDATA, this)
    _ = med_easy_set_write(easy, CURLOPT_HEADERFUNCTION) { bytes, size, count, this in
      let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
      return TransferHandle.at(this)?.receiveHeader(line) == true ? line.count : 0
    }
    _ = med_easy_set_pointer(easy, CURLOPT_OPENSOCKETDATA, this)
    _ = med_easy_set_open_socket(easy) { this, _, address in
      guard let handle = TransferHandle.at(this), let address else { return CURL_SOCKET_BAD }
      return handle.openSocket(address)
    }
    // A connection outlives the handle that opened it: its end is told to the client.
    _ = med_easy_set_pointer(easy, CURLOPT_CLOSESOCKETDATA, Unmanaged.passUnretained(client).toOpaque())
    _ = med_easy_set_close_socket(easy) { client, descriptor in
      HTTPClient.at(client)?.closeSocket(descriptor)
      return 0
    }
  }

  static func at(_ pointer: UnsafeMutableRawPointer?) -> TransferHandle? {
    pointer.map { Unmanaged<TransferHandle>.fromOpaque($0).takeUnretainedValue() }
  }

  private func set(_ option: CURLoption, _ value: Int) { _ = med_easy_set_long(easy, option, value) }
  private func set(_ option: CURLoption, _ value: String) { _ = med_easy_set_string(easy, option, value) }
}
