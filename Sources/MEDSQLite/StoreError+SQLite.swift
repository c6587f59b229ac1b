import GRDB
import MEDCore

extension StoreError {
  init(sqlite error: any Error, path: String) {
    guard let error = error as? DatabaseError else {
      self.init(error)
      return
    }
    let text = "\(path): \(error.message ?? error.resultCode.description)"
    switch error.resultCode {
    case .SQLITE_BUSY, .SQLITE_LOCKED: self.init(.busy, text, cause: error)
    case .SQLITE_CORRUPT, .SQLITE_NOTADB: self.init(.corrupt, text, cause: error)
    case .SQLITE_CONSTRAINT, .SQLITE_MISMATCH, .SQLITE_TOOBIG: self.init(.constraint, text, cause: error)
    // Our statements are fixed, so one that SQLite doesn't understand names a table or column that isn't there.
    case .SQLITE_ERROR: self.init(.schema, text, cause: error)
    default: self.init(.unavailable, text, cause: error)
    }
  }
}
