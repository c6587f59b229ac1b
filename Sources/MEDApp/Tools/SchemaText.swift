import MEDMySQL
import MEDSQLite

/// `medctl schema`: the tables of SPEC §7 as SQL.
public enum SchemaText {
  /// The tables that a dispatcher makes by itself in its SQLite file.
  public static var sqlite: String { SQLiteStore.schemaSQL }

  /// For MySQL 5.7 and later and for MariaDB; leaves alone what is there.
  public static var mysql: String { MySQLStore.schemaSQL }
}
