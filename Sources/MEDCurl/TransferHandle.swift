import CCurl
import Glibc

/// The one owner of a libcurl easy handle, and the state of the exchange that it carries.
///
/// Configured once, then used for one exchange after another with the same target: each sets only what differs from the
/// one before. libcurl holds an unretained pointer to it (CURLOPT_PRIVATE and the callbacks), so a handle that is added to
/// the multi handle must be kept alive by its client until it is removed from there.
final class TransferHandle {
  /// Bodies up to this size leave their memory to the next exchange.
  private static let keptBodyBytes = 65_536
  static let maximumRetryAfterBytes = 64

  let easy: UnsafeMutableRawPointer
  unowned let client: HTTPClient
  private var method: HTTPRequest.Method?
  private var contentType: StaticString?
  private var headers: [(name: String, value: String)] = []
  private var headerList: UnsafeMutablePointer<curl_slist>?
  private var timeoutMilliseconds = -1
  private var requestBody = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  let errorBuffer: UnsafeMutablePointer<CChar>

  // Of the present exchange.
  /// Counts exchanges, so that a late cancellation doesn't end the next one.
  private(set) var serial: UInt64 = 0
  var continuation: UnsafeContinuation<HTTPAnswer, Never>?
  var target: HandlePool<TransferHandle>.Target?
  /// Its place among the client's running handles.
  var place = 0
  private(set) var url = ""
  private var responseBody: [UInt8] = []
  private var responseHeaderBytes = 0
  private var retryAfter: String?
  private var isTruncated = false
  private var hasWholeHead = false
  /// The address that was passed over last because of its network.
  private var deniedAddress: NetworkAddress?
  private var triedAddress = false

  /// - Returns: nil if memory is short.
  init?(client: HTTPClient) {
    guard let easy = curl_easy_init() else { return nil }
    self.easy = easy
    self.client = client
    errorBuffer = .allocate(capacity: Int(CURL_ERROR_SIZE))
    errorBuffer.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    configure(client.configuration)
  }

  deinit {
    curl_easy_cleanup(easy)
    curl_slist_free_all(headerList)
    requestBody.deallocate()
    errorBuffer.deallocate()
  }

  // MARK: Before an exchange

  /// Sets the options for `request`.
  /// - Returns: why libcurl refuses it.
  func prepare(_ request: HTTPRequest) -> HTTPFailure? {
    serial &+= 1
    responseBody = []
    responseHeaderBytes = 0
    retryAfter = nil
    isTruncated = false
    hasWholeHead = false
    deniedAddress = nil
    triedAddress = false
    errorBuffer.pointee = 0
    url = request.url
    guard med_easy_set_string(easy, CURLOPT_URL, url) == CURLE_OK else {
      return HTTPFailure(.invalidURL, "the URL is too long")
    }
    setMethod(request.method)
    setBody(request)
    setHeaders(request)
    setTimeout(request.timeout)
    return nil
  }

  private func setMethod(_ method: HTTPRequest.Method) {
    guard method != self.method else { return }
    self.method = method
    _ = med_easy_set_long(easy, method == .get ? CURLOPT_HTTPGET : CURLOPT_POST, 1)
    switch method {
    case .get, .post: _ = med_easy_set_string(easy, CURLOPT_CUSTOMREQUEST, nil)
    case .put, .patch, .delete: _ = med_easy_set_string(easy, CURLOPT_CUSTOMREQUEST, method.rawValue)
    }
  }

  /// The body is copied, because libcurl reads it by pointer until the exchange ends.
  private func setBody(_ request: HTTPRequest) {
    guard request.method != .get else { return }
    let count = request.body.count
    if requestBody.count < count || requestBody.baseAddress == nil {
      requestBody.deallocate()
      requestBody = .allocate(byteCount: max(count + count / 4, 1024), alignment: 16)
    }
    requestBody.copyBytes(from: request.body)
    _ = med_easy_set_long(easy, CURLOPT_POSTFIELDSIZE, count)
    _ = med_easy_set_pointer(easy, CURLOPT_POSTFIELDS, requestBody.baseAddress)
  }

  private func setTimeout(_ timeout: Duration) {
    let (seconds, attoseconds) = timeout.components
    let milliseconds =
      seconds >= 1_000_000 ? 1_000_000_000 : max(1, Int(seconds * 1000 + attoseconds / 1_000_000_000_000_000))
    guard milliseconds != timeoutMilliseconds else { return }
    timeoutMilliseconds = milliseconds
    _ = med_easy_set_long(easy, CURLOPT_TIMEOUT_MS, milliseconds)
  }

  private func setHeaders(_ request: HTTPRequest) {
    if headerList != nil, isSame(contentType, request.contentType),
      headers.elementsEqual(request.headers, by: { $0 == $1 })
    {
      return
    }
    contentType = request.contentType
    headers = request.headers
    // Without this one libcurl asks large bodies' receivers for a 100 Continue, and waits for it.
    var list = curl_slist_append(nil, "Expect:")
    if let contentType { list = curl_slist_append(list, "Content-Type: \(contentType)") }
    for (name, value) in headers where HTTPHeader.isSendable(name: name, value: value) {
      list = curl_slist_append(list, value.isEmpty ? "\(name);" : "\(name): \(value)")
    }
    _ = med_easy_set_list(easy, CURLOPT_HTTPHEADER, list)
    curl_slist_free_all(headerList)
    headerList = list
  }

  private func isSame(_ a: StaticString?, _ b: StaticString?) -> Bool {
    guard let a, let b else { return a == nil && b == nil }
    return a.utf8Start == b.utf8Start && a.utf8CodeUnitCount == b.utf8CodeUnitCount
  }

  // MARK: During an exchange

  /// - Returns: whether to go on reading.
  func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let room = client.configuration.maximumResponseBytes - responseBody.count
    isTruncated = bytes.count > room
    responseBody.append(contentsOf: bytes.prefix(room))
    return !isTruncated
  }

  /// - Parameter line: one header line with its line end, also of an interim answer or a trailer.
  /// - Returns: whether to go on reading.
  func receiveHeader(_ line: UnsafeRawBufferPointer) -> Bool {
    responseHeaderBytes += line.count
    isTruncated = responseHeaderBytes > client.configuration.maximumResponseBytes
    switch line.first {
    case UInt8(ascii: "R"), UInt8(ascii: "r"): noteRetryAfter(line)
    case UInt8(ascii: "\r"), UInt8(ascii: "\n"): hasWholeHead = true
    case UInt8(ascii: "H") where line.starts(with: "HTTP/".utf8):
      hasWholeHead = false
      retryAfter = nil
    default: break
    }
    return !isTruncated
  }

  private func noteRetryAfter(_ line: UnsafeRawBufferPointer) {
    let name = "retry-after:".utf8
    guard line.count > name.count, zip(line, name).allSatisfy({ $0 | 0x20 == $1 | 0x20 }) else { return }
    let isSpace = { (byte: UInt8) in byte <= 0x20 }
    let value = line[name.count...].drop(while: isSpace)
    let end = value.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? value.startIndex
    guard end - value.startIndex <= Self.maximumRetryAfterBytes, end > value.startIndex else { return }
    retryAfter = String(decoding: value[..<end], as: UTF8.self)
  }

  func openSocket(_ address: UnsafePointer<curl_sockaddr>) -> Int32 {
    let peer = NetworkAddress(socketAddress: med_socket_address(address))
    guard client.allows(peer) else {
      deniedAddress = peer
      return CURL_SOCKET_BAD
    }
    triedAddress = true
    let type = address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = socket(address.pointee.family, type, address.pointee.protocol)
    if descriptor >= 0 { client.sockets.setOurs(descriptor) }
    return descriptor
  }

  // MARK: After an exchange

  /// What the exchange that ended with `code` came to. Only once for each, before the handle is used again.
  func takeAnswer(_ code: CURLcode) -> HTTPAnswer {
    if code == CURLE_OK, !hasWholeHead {
      // libcurl takes a connection that is closed within the headers for the end of an empty answer.
      return .failed(HTTPFailure(.protocolError, "the connection was closed within the headers of the answer"))
    }
    if code == CURLE_OK || isTruncated, let status = info(CURLINFO_RESPONSE_CODE), status > 0 {
      let body = responseBody
      responseBody = []
      return .answered(
        HTTPResponse(status: status, body: body, isTruncated: isTruncated, retryAfter: retryAfter))
    }
    return .failed(failure(code))
  }

  private func failure(_ code: CURLcode) -> HTTPFailure {
    let denied = triedAddress ? nil : deniedAddress
    let kind = HTTPFailure.Kind(
      code, systemError: Int32(truncatingIfNeeded: info(CURLINFO_OS_ERRNO) ?? 0), wasDenied: denied != nil)
    if kind == .deniedAddress, let denied {
      let whose = client.configuration.proxy == nil ? "the" : "the proxy's"
      return HTTPFailure(kind, "not connected: \(whose) address \(denied) is in a denied network")
    }
    let text = errorBuffer.pointee != 0 ? String(cString: errorBuffer) : String(cString: curl_easy_strerror(code))
    let masked = HTTPURL.masking(text, credentialsOf: url)
    return HTTPFailure(kind, HTTPURL.masking(masked, credentialsOf: client.configuration.proxy ?? ""))
  }

  func info(_ info: CURLINFO) -> Int? {
    var value = 0
    return med_easy_get_long(easy, info, &value) == CURLE_OK ? value : nil
  }

  /// Lets go of what an idle handle need not hold.
  func rest() {
    target = nil
    url = ""
    guard requestBody.count > Self.keptBodyBytes else { return }
    requestBody.deallocate()
    requestBody = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  }
}
