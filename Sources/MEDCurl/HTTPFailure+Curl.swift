import CCurl
import Glibc

extension HTTPFailure.Kind {
  /// What a libcurl result means for the sender of a request.
  /// - Parameters:
  ///   - systemError: `errno` of the last connect.
  ///   - wasDenied: every address that there was to try lies in a denied network.
  init(_ code: CURLcode, systemError: Int32, wasDenied: Bool) {
    switch code {
    case CURLE_COULDNT_CONNECT where wasDenied: self = .deniedAddress
    case CURLE_COULDNT_CONNECT: self = systemError == ECONNREFUSED ? .refused : .unreachable
    case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: self = .unresolved
    case CURLE_OPERATION_TIMEDOUT: self = .timedOut
    case CURLE_URL_MALFORMAT: self = .invalidURL
    case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_ENGINE_NOTFOUND,
      CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_USE_SSL_FAILED,
      CURLE_SSL_ENGINE_INITFAILED, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_SHUTDOWN_FAILED, CURLE_SSL_CRL_BADFILE,
      CURLE_SSL_ISSUER_ERROR, CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CLIENTCERT:
      self = .tls
    // The scheme was checked before: UNSUPPORTED_PROTOCOL is an answer that isn't HTTP/1.
    case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY, CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING,
      CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_BAD_CONTENT_ENCODING, CURLE_PROXY, CURLE_WRITE_ERROR:
      self = .protocolError
    default: self = .other
    }
  }
}
