/// The files that the config file names and that must be usable when the dispatcher starts.
extension Configuration {
  /// What is wrong with them, seen with the rights that this process has now. Blocks.
  public func fileProblems() -> [ConfigDiagnostic] {
    var files: [(path: String, key: String, file: String)] = []
    if !settings.push.caFile.isEmpty { files.append(("Push.CAFile", "[Push] CAFile", settings.push.caFile)) }
    let authority = settings.storeType == .mysql ? settings.mysql.options.caFile : ""
    if !authority.isEmpty { files.append(("Database.Options", "[Database] Options: tlsCA", authority)) }
    return files.compactMap { entry in
      CertificateFile.problem(entry.file).map {
        ConfigDiagnostic(
          severity: .error, file: path, line: lines.line(of: entry.path), key: entry.key, message: $0)
      }
    }
  }

  /// - Throws: ``fileProblems()``, if there are any.
  public func checkFiles() throws(ConfigurationError) {
    let problems = fileProblems()
    guard problems.isEmpty else { throw ConfigurationError(diagnostics: problems) }
  }
}
