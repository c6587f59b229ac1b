import ArgumentParser
import MEDApp

struct SchemaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema",
    abstract: "Prints the tables of the store as SQL.",
    discussion: """
      The SQLite file is made by the dispatcher itself. A MySQL or MariaDB database needs its tables before the first \
      start; those that are there already are left alone.

      Examples:
        medctl schema
        medctl schema --mysql | mysql medispatcher
      """)

  enum Store: String, EnumerableFlag {
    case sqlite, mysql
  }

  @Flag(help: "For which store.")
  var store = Store.sqlite

  func run() throws {
    try failing { try Terminal.show(store == .sqlite ? SchemaText.sqlite : SchemaText.mysql) }
  }
}
