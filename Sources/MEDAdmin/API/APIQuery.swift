import MEDCore

/// The query of a URL.
enum APIQuery {
  /// Names and values of `a=1&b=2`, percent-decoded.
  /// - Throws: `.badRequest` for a name that isn't known, one that comes twice, and what isn't UTF-8.
  static func read(_ text: String, knows names: Set<String>) throws(AdminError) -> [String: String] {
    var query: [String: String] = [:]
    for pair in text.split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = FormText.decoded(parts[0]), let value = parts.count > 1 ? FormText.decoded(parts[1]) : "" else {
        throw AdminError(.badRequest, "the query isn't percent-encoded UTF-8")
      }
      guard names.contains(name) else {
        let known = names.isEmpty ? "none" : names.sorted().joined(separator: ", ")
        throw AdminError(.badRequest, "unknown name \(APIText.quoted(name)) in the query, expected \(known)")
      }
      guard query.updateValue(value, forKey: name) == nil else {
        throw AdminError(.badRequest, "\(name) is given twice in the query")
      }
    }
    return query
  }
}
