import MEDCore

/// What the server or the client library said.
struct MySQLServerError: Error, Sendable, CustomStringConvertible {
  /// 1000 ... 1999 and 3000 on: the server's; 2000 ... 2999 and 5000 on: the library's.
  let code: UInt32
  let sqlState: String

  var description: String { "error \(code) (\(sqlState))" }

  /// The connection is of no use any more.
  var isLostConnection: Bool {
    switch code {
    // Gone away; lost during a query; the same with a reason; closed as idle; killed; shutting down.
    case 2006, 2013, 2055, 4031, 1927, 1053: true
    default: false
    }
  }

  /// The texts that a statement compares can't be brought into one character set.
  var isIllegalMixOfCollations: Bool { code == 1267 || code == 1271 || code == 3854 || code == 3988 }

  /// A text has a character that the column's character set doesn't have.
  var isUnknownCharacter: Bool { [1366, 1977, 3854, 3988].contains(code) }

  var storeCode: StoreError.Code {
    switch code {
    case 1205, 1213, 3058: .busy
    case 1054, 1109, 1146, 1356: .schema
    // A damaged table or index.
    case 126, 127, 144, 145, 1034, 1035, 1194, 1195: .corrupt
    // Longer than max_allowed_packet; the character set can't hold it; a CHECK.
    case 1153, 1267, 1271, 1300, 1366, 1977, 3819, 3854, 3988, 4025: .constraint
    // No column for a value, or no value for a column.
    case 1048, 1062, 1136, 1264, 1265, 1292, 1364, 1406, 1451, 1452, 1690: .constraint
    // Access denied, to the server or to a table: an operator mends it.
    case 1044, 1045, 1142, 1143, 1227: .unavailable
    case 2000..<3000, 5000..<6000: .unavailable
    default:
      switch sqlState.prefix(2) {
      case "22", "23": .constraint
      // Our statements are fixed: one that can't be understood names something that isn't there.
      case "42": .schema
      case "40": .busy
      default: .unavailable
      }
    }
  }
}

extension StoreError {
  /// - Parameters:
  ///   - place: where the database is.
  ///   - text: the server's words: maybe anything.
  ///   - secret: what must not be told even if the server does.
  init(mysql error: MySQLServerError, _ text: String, at place: String, hiding secret: String) {
    var shown = secret.isEmpty ? text : text.replacing(secret, with: "(hidden)")
    let scalars = shown.unicodeScalars.prefix(400).map { scalar -> Unicode.Scalar in
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse: "?"
      default: scalar
      }
    }
    shown = String(String.UnicodeScalarView(scalars))
    self.init(error.storeCode, "mysql \(place): \(shown) (\(error.code))", cause: error)
  }

  /// What the server said, if it is the server that said it.
  var server: MySQLServerError? { cause as? MySQLServerError }
}
