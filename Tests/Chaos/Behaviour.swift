import Foundation
import Glibc
import MEDTestSupport

/// How the receiver answers those of a subscription.
enum Behaviour: UInt8, CaseIterable {
  case proper
  case garbage
  case hangs
  case hangsUp
  case fails
}

/// The present behaviour towards each subscription: a byte each in a file, which the receiver reads for each request and
/// which outlives it.
final class BehaviourFile: Sendable {
  private let file: Int32

  init(_ path: String) throws {
    file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw SystemError("open \(path)") }
  }

  deinit { close(file) }

  func set(_ behaviour: Behaviour, towards subscription: Int) {
    var byte = behaviour.rawValue
    pwrite(file, &byte, 1, off_t(subscription))
  }

  func behaviour(towards subscription: Int) -> Behaviour {
    var byte: UInt8 = 0
    guard pread(file, &byte, 1, off_t(subscription)) == 1 else { return .proper }
    return Behaviour(rawValue: byte) ?? .proper
  }
}
