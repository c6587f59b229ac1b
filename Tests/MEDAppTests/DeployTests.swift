import Foundation
import Testing

@testable import MEDApp

/// What is shipped for systemd, Docker, Kubernetes and logrotate, held against the program.
@Suite("§16 What is shipped to run it with")
struct DeployTests {
  private static let systemdAnalyze = "/usr/bin/systemd-analyze"
  /// Debian's own, whose packages `make install` installs.
  private static let python = "/usr/bin/python3"

  private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  /// So long may a stop take with the defaults.
  private var longestStop: Int { Int((Settings().maximumProcessTime + StopLimit.margin).components.seconds) }

  private func value(_ key: String, in unit: String) -> [String] {
    unit.split(separator: "\n").filter { $0.hasPrefix(key + "=") }.map { String($0.dropFirst(key.count + 1)) }
  }

  @Test func `the unit checks the file, reloads by HUP, and gives a stop its time`() throws {
    let unit = try text("Docs/deploy/medispatcher.service")
    #expect(
      value("ExecStartPre", in: unit).first == "/usr/local/bin/medispatcher --check-config -f /etc/medispatcher.toml")
    #expect(value("ExecStart", in: unit) == ["/usr/local/bin/medispatcher -f /etc/medispatcher.toml"])
    #expect(value("ExecReload", in: unit) == ["/bin/kill -HUP $MAINPID"])
    #expect(value("Restart", in: unit) == ["on-failure"])
    #expect(value("RestartPreventExitStatus", in: unit) == ["64 78"])
    #expect(try #require(value("TimeoutStopSec", in: unit).first.flatMap { Int($0) }) > longestStop)
    #expect(try #require(value("LimitNOFILE", in: unit).first.flatMap { Int($0) }) >= 65536)
    for key in ["NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices"] {
      #expect(value(key, in: unit) == ["yes"])
    }
    #expect(value("ProtectSystem", in: unit) == ["strict"])
    // The directories that the unit makes are the defaults.
    let settings = Settings()
    #expect(value("LogsDirectory", in: unit).map { "/var/log/" + $0 } == [settings.logDirectory])
    let states = value("StateDirectory", in: unit).flatMap { $0.split(separator: " ").map { "/var/lib/" + $0 } }
    #expect(states == [settings.dataDirectory, settings.dropLogDirectory])
  }

  @Test(.enabled(if: access(systemdAnalyze, X_OK) == 0, "needs systemd-analyze"))
  func `systemd finds nothing wrong with the unit`() throws {
    let scratch = try Scratch()
    let unit = try text("Docs/deploy/medispatcher.service").replacing("/usr/local/bin/medispatcher", with: "/bin/true")
      .replacing("/usr/local/bin/amender", with: "/bin/true").replacing("User=medispatcher", with: "User=root")
      .replacing("Group=medispatcher", with: "Group=root")
    let path = scratch.path + "/medispatcher.service"
    try unit.write(toFile: path, atomically: true, encoding: .utf8)
    let run = try ProgramRun(Self.systemdAnalyze, ["verify", "--man=no", path])
    #expect(run.status == 0)
    #expect(!(run.output + run.errors).contains("medispatcher.service:"), "\(run.errors)")
  }

  @Test func `the image runs as a user of its own, and stops by a signal that stops`() throws {
    // Lines that end with a backslash go on.
    let lines = try text("Docs/deploy/Dockerfile").replacing("\\\n", with: " ").split(separator: "\n")
      .filter { !$0.hasPrefix("#") }
    let known = ["FROM", "RUN", "COPY", "WORKDIR", "ARG", "USER", "VOLUME", "STOPSIGNAL", "ENTRYPOINT", "CMD"]
    for line in lines { #expect(known.contains { line.hasPrefix($0 + " ") }, "\(line)") }
    #expect(lines.count { $0.hasPrefix("FROM ") } == 2)
    #expect(lines.last { $0.hasPrefix("USER ") } == "USER 10001:10001")
    #expect(lines.contains("STOPSIGNAL SIGTERM"))
    for line in lines where line.hasPrefix("ENTRYPOINT") || line.hasPrefix("CMD") || line.hasPrefix("VOLUME") {
      let list = line.drop { $0 != "[" }
      #expect((try? JSONSerialization.jsonObject(with: Data(list.utf8))) as? [String] != nil, "\(line)")
    }
    let settings = Settings()
    let volumes = try #require(lines.first { $0.hasPrefix("VOLUME") })
    for directory in [settings.logDirectory, settings.dataDirectory, settings.dropLogDirectory] {
      #expect(volumes.contains("\"\(directory)\""))
    }
    for line in lines where line.hasPrefix("COPY ") && !line.contains("--from") && !line.hasPrefix("COPY . ") {
      let source = line.split(separator: " ")[1]
      #expect(FileManager.default.fileExists(atPath: String(source)), "\(source)")
    }
  }

  /// The documents of the manifest, parsed by PyYAML, which resolves anchors too.
  private func manifests() throws -> [[String: Any]] {
    let script = "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))"
    let run = try ProgramRun(Self.python, ["-c", script, "Docs/deploy/kubernetes.yaml"])
    #expect(run.status == 0, "\(run.errors)")
    return try #require(try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [[String: Any]])
  }

  @Test func `the manifests hold a config that loads, a volume for what must last, and time for a stop`() throws {
    let documents = try manifests()
    #expect(documents.map { $0["kind"] as? String } == ["ConfigMap", "Secret", "StatefulSet"])
    let config = try #require((documents[0]["data"] as? [String: String])?["medispatcher.toml"])
    let secrets = try #require(documents[1]["stringData"] as? [String: String])
    let configuration = try Configuration.parse(config, path: "c", environment: secrets)
    #expect(configuration.diagnostics.isEmpty)

    let template = (documents[2]["spec"] as? [String: Any])?["template"] as? [String: Any]
    let pod = try #require(template?["spec"] as? [String: Any])
    #expect(try #require(pod["terminationGracePeriodSeconds"] as? Int) > longestStop)
    #expect((pod["securityContext"] as? [String: Any])?["runAsNonRoot"] as? Bool == true)
    let containers =
      try #require(pod["containers"] as? [[String: Any]]) + (pod["initContainers"] as? [[String: Any]] ?? [])
    for container in containers {
      let security = container["securityContext"] as? [String: Any]
      #expect(security?["readOnlyRootFilesystem"] as? Bool == true)
      #expect(security?["allowPrivilegeEscalation"] as? Bool == false)
      // A file that is mounted by itself never changes: no reload.
      let mounts = try #require(container["volumeMounts"] as? [[String: Any]])
      #expect(mounts.allSatisfy { $0["subPath"] == nil })
      let data = try #require(mounts.first { $0["name"] as? String == "data" }?["mountPath"] as? String)
      let settings = configuration.settings
      for directory in [settings.dataDirectory, settings.dropLogDirectory, settings.logDirectory] {
        #expect(directory.hasPrefix(data + "/"))
      }
    }
  }

  @Test func `the DATA log isn't rotated by copying`() throws {
    let lines = try text("Docs/deploy/logrotate.conf").split(separator: "\n").filter { !$0.hasPrefix("#") }
      .map { $0.drop { $0 == " " } }
    #expect(!lines.contains("copytruncate"))
    for name in ["info", "warn", "error", "debug", "data"] {
      #expect(lines.contains("\(Settings().logDirectory)/\(name).log"))
    }
  }

  // MARK: Docs/migration.md

  @Test func `every key that the migration guide names is one`() throws {
    let guide = try text("Docs/migration.md")
    var titles = Set(ConfigOption.all.map(\.title))
    titles.formUnion(ConfigOption.all.map { "[\($0.section)]" })
    // `[Section] Key`, or `Key` alone when it looks like one; `Key = value` in the last column.
    var named = 0
    for match in guide.matches(of: /`((\[[A-Za-z.]+\] )?[A-Z][A-Za-z_]+)`/) {
      let name = String(match.1)
      let isKey = titles.contains(name) || ConfigOption.all.contains { $0.key == name }
      #expect(isKey, "\(name)")
      named += 1
    }
    #expect(named > 20)
  }

  @Test func `the migration guide tells of every safer default, and how to undo it`() throws {
    let rows = try text("Docs/migration.md").split(separator: "\n").filter { $0.hasPrefix("| `") }
    #expect(rows.count == SaferDefault.all.count)
    for safer in SaferDefault.all {
      let option = try #require(ConfigOption.all.first { $0.path == safer.path })
      let row = try #require(rows.first { $0.hasPrefix("| `\(option.title)` |") }, "\(option.title)")
      let undo = try #require(row.split(separator: "|").last?.firstMatch(of: /`([^`]+)`/)?.1)
      let text = (option.section.isEmpty ? "" : "[\(option.section)]\n") + undo
      #expect(throws: Never.self, "\(undo)") {
        let configuration = try Configuration.parse(text, path: "c")
        #expect(configuration.diagnostics.isEmpty && configuration.explicit == [option.path])
        #expect(configuration.settings.differences(from: Settings()).map(\.path) == [option.path])
      }
    }
  }
}
