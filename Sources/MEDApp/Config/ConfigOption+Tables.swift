/// The keys in tables, in the order of the example file.
extension ConfigOption {
  static let tables: [ConfigOption] =
    [
      ConfigOption(
        "Type", in: "Store", \.store.type, .choice,
        "Where subscriptions are kept. Empty: mysql if there is a [Database] table, else sqlite."),
      ConfigOption(
        "Path", in: "Store", \.store.path, .text("a path") { !$0.isEmpty },
        "The SQLite file, seen from DATA_DIR."),
      ConfigOption(
        "RefreshInterval", in: "Store", \.store.refreshInterval, .seconds(1...3600), effect: .live,
        "How often changed subscriptions are looked for."),

      ConfigOption(
        "Host", in: "Database", \.database.host, .text("a host, or the absolute path of a socket") { !$0.isEmpty },
        "The MySQL or MariaDB server. A host is connected to by TCP, also if it is localhost."),
      ConfigOption("Port", in: "Database", \.database.port, .integer(1...65535), "Its TCP port."),
      ConfigOption("User", in: "Database", \.database.user, .text(), "The account."),
      ConfigOption("Password", in: "Database", \.database.password, .text(), secret: true, "Its password."),
      ConfigOption("DbName", in: "Database", \.database.name, .text(), "The database with the subscriptions."),
      ConfigOption(
        "Options", in: "Database", \.database.options, .text(),
        "More settings of the connections, name=value with & between them, as in DSNs of Go programs: timeout (10s),"
          + " readTimeout (20s), writeTimeout (20s), from 1s to 1h; tls (false): true, skip-verify, preferred; tlsCA, tlsCert,"
          + " tlsKey: paths of PEM files; allowCleartextPasswords (false)."),
      ConfigOption(
        "MaxConns", in: "Database", \.database.maximumConnections, .integer(1...1000, unit: "connections"),
        aliases: ["MaxConn"], "Connections at most."),

      ConfigOption(
        "Addr", in: "Redis", \.redis.addresses, .redisServers,
        "The Redis servers with the recover lists: a primary, and those that may take its place. Empty: no recover lists."
          + " See Docs/recover-lists.md."),
      ConfigOption("DbIndex", in: "Redis", \.redis.databaseIndex, .integer(0...65535), "The database there."),
      ConfigOption("Password", in: "Redis", \.redis.password, .text(), secret: true, "Its password."),

      ConfigOption(
        "ContextHeader", in: "Push", \.push.contextHeader, .headerName,
        "The header that carries a message's Context."),
      ConfigOption(
        "OwlContextHeader", in: "Push", \.push.owlContextHeader, .headerName,
        "The header that carries a message's Owl_context."),
      ConfigOption(
        "VerifyTLS", in: "Push", \.push.verifiesTLS, .boolean,
        "Push to https URLs only if their certificate is valid."),
      ConfigOption(
        "CAFile", in: "Push", \.push.caFile, .absolutePathOrEmpty,
        "Certificates to trust instead of the system's (PEM). Must be readable at the start."),
      ConfigOption(
        "Proxy", in: "Push", \.push.proxy, .proxyOrEmpty, secret: true,
        "Push through this proxy, http://user:password@host:port; empty: through none, whatever the environment says."
          + " https goes through a tunnel (CONNECT), so certificates are the subscribers' own."),
      ConfigOption(
        "MaxResponseBytes", in: "Push", \.push.maximumResponseBytes, .integer(1024...16_777_216, unit: "bytes"),
        "How much of an answer is read; a longer one is a failure."),
      ConfigOption(
        "DenyNetworks", in: "Push", \.push.deniedNetworks, .networks,
        "Never connect to addresses in these networks. The default keeps pushes away from cloud metadata services. With a"
          + " Proxy its own address is what is checked: where it connects to is for the proxy to restrict."),

      ConfigOption(
        "AllowFrom", in: "Rpc", \.rpc.allowedNetworks, .networks, effect: .live,
        "Who may speak to ListenAddr and StatisticApiAddr, which know no password."),

      ConfigOption(
        "Addr", in: "Admin", \.admin.address, .address,
        "The admin API, with /livez, /readyz and /healthz: see Docs/admin-api.md. host:port; empty: off. On other than"
          + " loopback it needs a Token."),
      ConfigOption(
        "Token", in: "Admin", \.admin.token, .text("a string without spaces") { !$0.contains(where: \.isWhitespace) },
        secret: true,
        "The bearer token that changes need; without one nobody can make any. The environment variable"
          + " MEDISPATCHER_ADMIN_TOKEN is used if it is empty."),

      ConfigOption(
        "Endpoints", in: "Etcd", \.etcd.endpoints, .httpURLs,
        "The etcd servers over which instances share the queue servers out; empty: this instance is alone."),
      ConfigOption("User", in: "Etcd", \.etcd.user, .text(), "The account."),
      ConfigOption("Password", in: "Etcd", \.etcd.password, .text(), secret: true, "Its password."),
      ConfigOption(
        "CAFile", in: "Etcd", \.etcd.caFile, .absolutePathOrEmpty,
        "Certificates to trust instead of the system's (PEM)."),
      ConfigOption(
        "Advertise", in: "Etcd", \.etcd.advertise,
        .text("a host, or empty") { !$0.contains { $0 == "/" || $0.isWhitespace } },
        "The host that others reach this instance by; empty: the first address that isn't loopback."),

      ConfigOption(
        "KickOrphansAtStart", in: "Recovery", \.recovery.kicksOrphansAtStart, .boolean,
        "Jobs that a dead dispatcher left buried are counted and logged at the start. true: kick them, in tubes that nobody"
          + " watches, on queue servers whose main queue nobody else watches."),

      ConfigOption(
        "Output", in: "Log", \.log.output, .choice, "Log files in LOG_DIR, or JSON lines on standard output."),
      ConfigOption(
        "Level", in: "Log", \.log.level, .choice, effect: .live,
        "The least that is logged. USR1 switches debug on and off."),

      ConfigOption("Loops", in: "Engine", \.engine.loops, .integer(1...1, unit: "loops"), "Event loops."),
    ]
    + gateway("AlerterEmail", \.alerterEmail, .httpURLOrSendmail, "Alerts by email", email: true)
    + gateway("AlerterSms", \.alerterSMS, .httpURLOrEmpty, "Alerts by SMS", email: false)
    + gateway("AlarmPlatform", \.alarmPlatform, .httpURLOrEmpty, "Alerts to the alarm platform", email: false)

  private static func gateway(
    _ section: String, _ path: any WritableKeyPath<Settings, AlertGatewaySettings> & Sendable,
    _ url: OptionType<String>, _ what: String, email: Bool
  ) -> [ConfigOption] {
    typealias Field = WritableKeyPath<AlertGatewaySettings, String> & Sendable
    func option(
      _ key: String, in section: String = section, _ field: any Field, type: OptionType<String> = .text(),
      secret: Bool = false, _ summary: String
    ) -> ConfigOption {
      ConfigOption(
        key, in: section, get: { $0[keyPath: path][keyPath: field] }, set: { $0[keyPath: path][keyPath: field] = $1 },
        type, effect: .live, secret: secret, summary)
    }
    func name(_ key: String, _ field: any Field) -> ConfigOption {
      option(
        key, in: section + ".PostFieldsMap", field, "What the gateway calls the field \(key); empty: not sent.")
    }
    return [
      option(
        "Gateway", \.gateway, type: url,
        what + ": the gateway's URL; empty: none." + (email ? " \"sendmail://\" is the local mail program." : "")
          + " See Docs/alerts.md."),
      option("AckStr", \.acknowledgement, "The answer that means success, apart from spaces and line ends around it."),
      option("User", \.user, "The account at the gateway."),
      option("Password", \.password, secret: true, "Its password."),
      option("From", \.from, "Who the alerts come from."),
      option(
        "TemplateRootPath", \.templateRootPath, type: .absolutePathOrEmpty,
        "The directory with the templates; empty: built-in texts."),
      name("User", \.fields.user),
      name("Password", \.fields.password),
      name("From", \.fields.from),
      name("Subject", \.fields.subject),
      name("Recipient", \.fields.recipient),
      name("Content", \.fields.content),
    ]
  }
}
