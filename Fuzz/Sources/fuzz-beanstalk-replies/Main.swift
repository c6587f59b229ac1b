import FuzzSupport
import MEDBeanstalk
import MEDCore

/// Any bytes as what a queue server says.
@main
enum FuzzBeanstalkReplies {
  static let parser = ReplyParser(maximumBody: 4096)

  static func main() {
    runFuzzer { data, size in
      FuzzBeanstalkReplies.check(input(data, size))
      return 0
    }
  }

  static func check(_ bytes: [UInt8]) {
    var position = 0
    while true {
      let rest = Array(bytes[position...])
      switch parser.next(in: rest.span) {
      case .needMore(let total):
        require(total > rest.count, "what is asked for isn't there yet")
        require(total <= ReplyParser.maximumLine + parser.maximumBody + 2, "no more is asked for than is allowed")
        return
      case .violation:
        return
      case .reply(let reply, let consumed):
        require(consumed >= 2 && consumed <= rest.count, "a reply is made of bytes that are there")
        let whole = Array(rest.prefix(consumed))
        require(parser.next(in: whole.span) == .reply(reply, consumed: consumed), "what follows a reply doesn't matter")
        let part = Array(whole.dropLast())
        if case .needMore = parser.next(in: part.span) {} else { require(false, "a part is no reply") }
        check(reply, whole)
        position += consumed
      }
    }
  }

  private static func check(_ reply: Reply, _ bytes: [UInt8]) {
    switch reply {
    case .reserved(_, let body), .found(_, let body), .ok(let body):
      require(body.upperBound + 2 == bytes.count && body.count <= parser.maximumBody, "a body ends before its CR LF")
      let yaml = Array(bytes[body])
      require(ServerStatistics(yaml: yaml) == ServerStatistics(yaml: yaml), "statistics are read from anything")
      require(TubeStatistics(yaml: yaml) == TubeStatistics(yaml: yaml), "statistics are read from anything")
      require(JobStatistics(yaml: yaml) == JobStatistics(yaml: yaml), "statistics are read from anything")
      let table = StatisticsTable(yaml: yaml)
      require(table == StatisticsTable(yaml: yaml), "statistics are read from anything")
      require(table.values.count <= yaml.count { $0 == UInt8(ascii: ":") }, "each entry has a colon of its own")
      require(
        StatisticsTable.names(yaml: yaml).allSatisfy { $0.utf8.count <= 3 * yaml.count }, "names come from the text")
    case .using(let name): require(name.upperBound + 2 == bytes.count, "a name ends before its CR LF")
    default: break
    }
  }
}
