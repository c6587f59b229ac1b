import MEDMySQL

extension Settings {
  /// The database of a store of type mysql.
  var mysql: MySQLConfiguration {
    MySQLConfiguration(
      host: database.host, port: database.port, user: database.user, password: database.password,
      database: database.name, options: MySQLOptions.parse(database.options).options,
      maximumConnections: database.maximumConnections)
  }
}

extension ConfigReader {
  /// Options of existing config files that aren't in force here are warnings: they must not keep anything from starting.
  mutating func checkDatabaseOptions() {
    for problem in MySQLOptions.parse(settings.database.options).problems {
      var message = problem.description
      if problem.kind == .unknown, let nearest = NearestName.of(problem.name, among: MySQLOptions.names) {
        message += ", did you mean \(nearest)?"
      }
      tell(.warning, at: "Database.Options", "[Database] Options", message)
    }
  }
}
