import MEDCore
import MEDLoop

/// The connections that topics are looked up on: another one is made when all are busy, up to their number.
///
/// Beyond it lookups wait for the one with the fewest. So many wait as the engine has asked for at once.
final class LookupConnections: Sendable {
  private struct Place {
    let connection: MySQLConnection
    var users = 0
  }

  private let maximum: Int
  private let make: @Sendable () throws(StoreError) -> MySQLConnection
  private let places: Locked<[Place]>

  init(
    _ first: MySQLConnection, maximum: Int, _ make: @escaping @Sendable () throws(StoreError) -> MySQLConnection
  ) {
    self.maximum = maximum
    self.make = make
    places = Locked([Place(connection: first)])
  }

  var all: [MySQLConnection] { places.withLock { $0.map(\.connection) } }

  /// The first that is idle, so that no more are opened than are needed.
  func take() -> MySQLConnection {
    places.withLock { places in
      var best = 0
      for index in places.indices where places[index].users < places[best].users { best = index }
      // Without a thread for another one those that are there must do.
      if places[best].users > 0, places.count < maximum, let new = try? make() {
        best = places.count
        places.append(Place(connection: new))
      }
      places[best].users += 1
      return places[best].connection
    }
  }

  func giveBack(_ connection: MySQLConnection) {
    places.withLock { places in
      if let index = places.firstIndex(where: { $0.connection === connection }) { places[index].users -= 1 }
    }
  }
}
