import Logging
import MEDCore

/// What parts of the dispatcher warn of while a command line tool uses them.
struct StandardErrorLog: LogHandler {
  var metadata: Logger.Metadata = [:]
  var metadataProvider: Logger.MetadataProvider?
  var logLevel = Logger.Level.warning

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let details = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    printError(escapeControlCharacters((["\(event.message)"] + details).joined(separator: " ")[...]))
  }
}
