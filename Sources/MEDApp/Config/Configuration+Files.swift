/// The files that the config file names and that must be usable when the dispatcher starts.
extension Configuration {
  /// What is wrong with them, seen with the rights that this process has now. Blocks.
  public func fileProblems() -> [ConfigDiagnostic] {
    guard !settings.push.caFile.isEmpty, let problem = CertificateFile.problem(settings.push.caFile) else { return [] }
    return [
      ConfigDiagnostic(
        severity: .error, file: path, line: lines.line(of: "Push.CAFile"), key: "[Push] CAFile", message: problem)
    ]
  }

  /// - Throws: ``fileProblems()``, if there are any.
  public func checkFiles() throws(ConfigurationError) {
    let problems = fileProblems()
    guard problems.isEmpty else { throw ConfigurationError(diagnostics: problems) }
  }
}
