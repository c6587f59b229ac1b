import Foundation

#if canImport(Testing)
  import Testing

  extension Trait where Self == IssueHandlingTrait {
    /// Prints, at a test's first few issues, the end of the output of each server that the test has started.
    ///
    /// `@Suite("…", .showsServerOutput)`, and all tests in it have it.
    public static var showsServerOutput: Self {
      .compactMapIssues { issue in
        for report in RunningServers.reportsOfCurrentTest() {
          FileHandle.standardError.write(Data((report + "\n").utf8))
        }
        return issue
      }
    }
  }

  /// Which test has started which servers.
  enum RunningServers {
    private struct Entry {
      weak var server: ServerProcess?
      let test: Test.ID?
      var printed = 0
    }

    private static let entries = Locked<[Entry]>([])

    static func add(_ server: ServerProcess) {
      let test = Test.current?.id
      entries.withLock { entries in
        entries.removeAll { $0.server == nil }
        entries.append(Entry(server: server, test: test))
      }
    }

    /// At most three reports a server, so that a failure in a loop doesn't flood the log.
    static func reportsOfCurrentTest() -> [String] {
      guard let test = Test.current?.id else { return [] }
      let servers = entries.withLock { entries in
        var found: [ServerProcess] = []
        for index in entries.indices where entries[index].test == test && entries[index].printed < 3 {
          entries[index].printed += 1
          if let server = entries[index].server { found.append(server) }
        }
        return found
      }
      return servers.map(\.report)
    }
  }
#else
  /// Linked statically, a program has no test to name: Testing has no static library.
  enum RunningServers {
    static func add(_ server: ServerProcess) {}
  }
#endif
