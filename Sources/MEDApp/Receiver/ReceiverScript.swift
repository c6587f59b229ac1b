import Glibc

/// What a receiver does with each request, instead of what its options say. Called on the receiver's thread.
package protocol ReceiverScript: Sendable {
  /// - Parameter isHeard: whether the sender is still there, so that an answer reaches it.
  func answer(to message: DemoReceiver.Message, isHeard: Bool) -> ReceiverAnswer

  /// The whole answer to a message that was accepted is out, and the sender was still there then.
  func answered(_ message: DemoReceiver.Message)
}

package enum ReceiverAnswer: Sendable {
  case success
  case failure
  /// These bytes as they are, whatever they mean; with none and without an end the sender waits.
  case bytes([UInt8], closes: Bool)
}

extension ReceiverLoop {
  func perform(_ answer: ReceiverAnswer, to message: DemoReceiver.Message, on connection: Connection) {
    switch answer {
    case .success:
      connection.output += success
      connection.accepted = message
    case .failure:
      connection.output += failure
    case .bytes(let bytes, let closes):
      connection.output += bytes
      connection.endsAfterOutput = closes
    }
  }

  /// Whether the sender hasn't hung up.
  func isHeard(_ connection: Connection) -> Bool {
    var byte: UInt8 = 0
    let count = recv(connection.descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT))
    return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))
  }
}
