/// Finds what was probably meant by a misspelt name.
enum NearestName {
  /// - Returns: the candidate with the smallest edit distance (case ignored), nil if none is near: a third of the
  ///   letters, at least two, may differ.
  static func of(_ name: String, among candidates: some Sequence<String>) -> String? {
    // Far longer than any key: nothing can be near, and the work stays bounded.
    guard name.utf8.count <= 128 else { return nil }
    let wanted = Array(name.lowercased().utf8)
    var best: (name: String, distance: Int)?
    for candidate in candidates {
      let distance = distance(wanted, Array(candidate.lowercased().utf8))
      if distance <= max(2, wanted.count / 3), distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.name
  }

  static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var row = Array(0...right.count)
    for (i, a) in left.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, b) in right.enumerated() {
        let above = row[j + 1]
        row[j + 1] = min(above + 1, row[j] + 1, diagonal + (a == b ? 0 : 1))
        diagonal = above
      }
    }
    return row[right.count]
  }
}
