import MEDRedis
import MEDTestSupport

func testClient(
  ports: [UInt16], password: String = "", database: Int = 0, replyTimeout: Duration = .seconds(30)
) throws -> RedisClient {
  try RedisClient(
    RedisConfiguration(
      addresses: ports.map { RedisAddress(host: "127.0.0.1", port: $0) }, password: password, databaseIndex: database,
      replyTimeout: replyTimeout * Patience.factor))
}

func testClient(
  _ server: RedisServer, password: String = "", database: Int = 0, replyTimeout: Duration = .seconds(30)
) throws -> RedisClient {
  try testClient(ports: [server.port], password: password, database: database, replyTimeout: replyTimeout)
}
