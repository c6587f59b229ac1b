/// The subscriptions of a run, numbered from 0, and what their subscribers do when nothing is wrong.
enum Subscriptions {
  static let topic = "order_paid"
  static let count = 3

  static func path(_ index: Int) -> String { "/\(index)" }

  static func index(ofPath path: String) -> Int? {
    Int(path.dropFirst()).flatMap { (0..<count).contains($0) ? $0 : nil }
  }

  /// What a subscriber refuses: the first takes all, the second fails often at the first time, and there are messages that
  /// the third never takes, which are given up.
  static func refuses(_ subscription: Int, number: Int, retryTimes: Int) -> Bool {
    switch subscription {
    case 1: number % 10 == 3 && retryTimes == 0
    case 2: number % 50 == 7
    default: false
    }
  }
}
