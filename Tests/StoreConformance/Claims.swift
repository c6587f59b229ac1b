// Linked statically, as release builds are, a program has no tests: Testing has no static library.
#if canImport(Testing)
  import Testing

  /// Something that a suite can't go on without.
  struct Missing: Error, CustomStringConvertible {
    let description: String
  }

  /// A claim of a suite. A function, as the macros of Testing are for test targets alone.
  func expect(
    _ holds: Bool, _ claim: String = "", file: String = #fileID, path: String = #filePath, line: Int = #line,
    column: Int = #column
  ) {
    guard !holds else { return }
    Issue.record(
      Comment(rawValue: claim.isEmpty ? "the claim doesn't hold" : claim),
      sourceLocation: SourceLocation(fileID: file, filePath: path, line: line, column: column))
  }

  /// The claim that what was found is what should be.
  func expect<Value: Equatable>(
    _ found: Value, is wanted: Value, _ claim: String = "", file: String = #fileID, path: String = #filePath,
    line: Int = #line, column: Int = #column
  ) {
    expect(
      found == wanted, "\(claim.isEmpty ? "" : "\(claim): ")found \(found), expected \(wanted)", file: file, path: path,
      line: line, column: column)
  }

  func require<Value>(_ value: Value?, _ claim: String = "something is there", line: Int = #line) throws -> Value {
    guard let value else { throw Missing(description: "line \(line): \(claim)") }
    return value
  }
#endif
