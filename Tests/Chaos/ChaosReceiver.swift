import MEDApp
import MEDTestSupport

/// Answers as it is told to, and notes each push before it is answered.
struct ChaosReceiver: ReceiverScript {
  private let record: PushRecordWriter
  private let file: BehaviourFile

  init(record: String, behaviour: String) throws {
    self.record = try PushRecordWriter(record)
    file = try BehaviourFile(behaviour)
  }

  func answer(to message: DemoReceiver.Message, isHeard: Bool) -> ReceiverAnswer {
    guard let subscription = Subscriptions.index(ofPath: message.path),
      let number = MessageMark.find(in: message.body)
    else { return .failure }
    // Whoever has given up waiting takes no answer for one: it would come again, through no fault of the dispatcher.
    guard isHeard else {
      note(.unheard, message, number, subscription)
      return .bytes([], closes: true)
    }
    if Subscriptions.refuses(subscription, number: number, retryTimes: message.retryTimes) {
      note(.refused, message, number, subscription)
      return .failure
    }
    let behaviour = file.behaviour(towards: subscription)
    note(PushOutcome(behaviour), message, number, subscription)
    return Self.answer(behaviour, number)
  }

  func answered(_ message: DemoReceiver.Message) {
    guard let subscription = Subscriptions.index(ofPath: message.path),
      let number = MessageMark.find(in: message.body)
    else { return }
    note(.answered, message, number, subscription)
  }

  private func note(_ outcome: PushOutcome, _ message: DemoReceiver.Message, _ number: Int, _ subscription: Int) {
    record.append(
      PushRecord(outcome: outcome, number: number, subscription: subscription, retryTimes: message.retryTimes))
  }

  // MARK: Answers

  private static let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

  /// What says anything but success, of several kinds in turn.
  private static func answer(_ behaviour: Behaviour, _ number: Int) -> ReceiverAnswer {
    switch behaviour {
    case .proper: .success
    case .garbage: .bytes(Array(garbage[number % garbage.count].utf8), closes: true)
    case .hangs: .bytes(Array((number.isMultiple(of: 2) ? "" : cut(after: number)).utf8), closes: false)
    case .hangsUp: .bytes(Array(cut(after: number).utf8), closes: true)
    case .fails: .failure
    }
  }

  private static let garbage = [
    "\u{1}\u{2}\u{3} none of this is HTTP \u{7f}\r\n\r\n",
    head + "Content-Length: 12\r\n\r\n{\"status\": 2",
    head + "Content-Length: 13\r\n\r\n{\"status\": 1]}",
    head + "Content-Length: 17\r\n\r\n<html>1</html>  \n",
    head + "Content-Length: 14\r\n\r\n{\"status\": [1]}",
    head + "Content-Length: 0\r\n\r\n",
    head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{\"status\": 1}\r\n0\r\n\r\n",
    "HTTP/1.1 200\r\nbroken header\r\n: :\r\n\r\n{\"status\": 0}",
    head + "Content-Encoding: gzip\r\nContent-Length: 13\r\n\r\n{\"status\": 1}",
  ]

  /// The beginning of a success, never all of it.
  private static func cut(after number: Int) -> String {
    let whole = head + "Content-Length: 13\r\n\r\n{\"status\": 1}"
    return String(decoding: whole.utf8.prefix(number * 7 % (whole.utf8.count - 1)), as: UTF8.self)
  }
}

extension PushOutcome {
  fileprivate init(_ behaviour: Behaviour) {
    self =
      switch behaviour {
      case .proper: .accepted
      case .garbage: .garbage
      case .hangs: .hung
      case .hangsUp: .hungUp
      case .fails: .failed
      }
  }
}
