// swift-tools-version: 6.3
import PackageDescription

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableUpcomingFeature("InferIsolatedConformances"),
  .enableUpcomingFeature("ExistentialAny"),
  .treatAllWarnings(as: .error),
]

let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func executable(_ name: String) -> Target {
  .executableTarget(name: name, dependencies: ["MEDApp", arguments], swiftSettings: settings)
}

func example(_ name: String, _ folder: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(name: name, dependencies: dependencies, path: "Examples/\(folder)", swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .testTarget(name: name, dependencies: ["MEDTestSupport"] + dependencies, swiftSettings: settings)
}

let package = Package(
  name: "medispatcher",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "MEDLoop", targets: ["MEDLoop"]),
    .library(name: "MEDCore", targets: ["MEDCore"]),
    .library(name: "MEDBeanstalk", targets: ["MEDBeanstalk"]),
    .library(name: "MEDPush", targets: ["MEDPush"]),
    .library(name: "MEDSQLite", targets: ["MEDSQLite"]),
    .library(name: "MEDRPC", targets: ["MEDRPC"]),
    .library(name: "MEDMySQL", targets: ["MEDMySQL"]),
    .library(name: "MEDRedis", targets: ["MEDRedis"]),
    .library(name: "MEDProducer", targets: ["MEDProducer"]),
    .executable(name: "medispatcher", targets: ["medispatcher"]),
    .executable(name: "amender", targets: ["amender"]),
    .executable(name: "medctl", targets: ["medctl"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.0.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0", traits: []),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.1"),
  ],
  targets: [
    // The domain and the engine: no socket, no C, no SQL.
    library(
      "MEDCore",
      [
        "MEDLoop", log, lifecycle,
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "HeapModule", package: "swift-collections"),
      ]),

    // The event loop that sockets, transfers and tasks share.
    .systemLibrary(name: "CEpoll"),
    library("MEDLoop", ["CEpoll", .product(name: "HeapModule", package: "swift-collections")]),

    // Adapters. Each knows its own outside world and nothing of dispatching.
    library(
      "MEDBeanstalk",
      ["CEpoll", "MEDCore", "MEDLoop", log, .product(name: "DequeModule", package: "swift-collections")]),
    .systemLibrary(name: "CCurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    library("MEDCurl", ["CCurl", "MEDLoop"]),
    library(
      "MEDPush", ["MEDCore", "MEDCurl", "MEDLoop", log, .product(name: "Crypto", package: "swift-crypto")]),
    library("MEDSQLite", ["MEDCore", log, .product(name: "GRDB", package: "GRDB.swift")]),
    .systemLibrary(name: "CMariaDB", providers: [.apt(["libmariadb-dev"])]),
    library("MEDMySQL", ["CMariaDB", "MEDCore", "MEDLoop", log]),
    .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
    library(
      "MEDRedis",
      ["CHiredis", "MEDCore", "MEDLoop", log, .product(name: "DequeModule", package: "swift-collections")]),

    // The control panel's protocol.
    library(
      "MEDRPC",
      [
        "MEDCore", "MEDLoop", lifecycle, log, .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
      ]),

    // The other side of the main queue: a library for those who publish.
    library("MEDProducer", ["MEDBeanstalk", "MEDCore", "MEDLoop", "MEDRedis", log]),

    // The HTTP servers that people and tools ask: the running state, and the admin API with its document.
    .target(
      name: "MEDAdmin",
      dependencies: [
        "MEDCore", "MEDLoop", lifecycle, log,
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
      ], resources: [.embedInCode("API/openapi.json")], swiftSettings: settings),

    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),

    // Config file → objects → services, and the thin shells over it.
    .target(
      name: "MEDApp",
      dependencies: [
        "CZlib", "MEDCore", "MEDLoop", "MEDBeanstalk", "MEDCurl", "MEDPush", "MEDSQLite", "MEDMySQL", "MEDRedis",
        "MEDAdmin", "MEDRPC", lifecycle, log, "TOMLKit",
      ],
      swiftSettings: settings, plugins: ["BuildStamp"]),
    // Commit and time of the build, for --version.
    .plugin(name: "BuildStamp", capability: .buildTool()),
    executable("medispatcher"),
    executable("amender"),
    executable("medctl"),

    // What README and Examples/README show, built so that it stays true.
    example("embedding-example", "Embedding", ["MEDCore", "MEDBeanstalk", "MEDPush"]),
    example("queue-client-example", "QueueClient", ["MEDCore", "MEDBeanstalk"]),
    example("redistributor-example", "Redistributor", ["MEDCore", "MEDBeanstalk", lifecycle, log]),
    example("pusher-example", "Pusher", ["MEDCore", "MEDPush"]),
    example("data-log-example", "DataLog", ["MEDCore"]),
    example("producer-example", "producers/swift", ["MEDProducer"]),

    // Queue servers and a dispatcher for the programs that run them for long: one while everything around the dispatcher
    // changes, one while it is killed.
    .target(
      name: "TestStage", dependencies: ["MEDApp", "MEDCore", "MEDTestSupport"], path: "Tests/Stage",
      swiftSettings: settings),
    .executableTarget(
      name: "soak", dependencies: ["MEDApp", "MEDCore", "MEDLoop", "MEDSQLite", "TestStage", arguments],
      path: "Tests/Soak", swiftSettings: settings),
    .executableTarget(
      name: "chaos",
      dependencies: ["MEDApp", "MEDCore", "MEDLoop", "MEDSQLite", "MEDTestSupport", "TestStage", arguments, log],
      path: "Tests/Chaos", swiftSettings: settings),

    // Real servers for tests.
    library("MEDTestSupport"),
    // What every store has to do, for the tests of each.
    .target(
      name: "StoreConformance", dependencies: ["MEDCore"], path: "Tests/StoreConformance", swiftSettings: settings),
    tests("MEDLoopTests", ["MEDLoop"]),
    tests("MEDCoreTests", ["MEDCore"]),
    tests("MEDBeanstalkTests", ["MEDBeanstalk"]),
    tests("MEDPushTests", ["MEDPush", "MEDCurl"]),
    tests("MEDSQLiteTests", ["MEDSQLite", "StoreConformance"]),
    tests("MEDMySQLTests", ["MEDMySQL", "MEDLoop", "StoreConformance"]),
    tests("MEDRedisTests", ["MEDCore", "MEDRedis", log]),
    tests("MEDProducerTests", ["MEDProducer", "MEDCore", "MEDRedis"]),
    tests("MEDAdminTests", ["MEDAdmin", "MEDCore", "MEDLoop"]),
    tests("MEDRPCTests", ["MEDRPC", "MEDLoop"]),
    tests("MEDAppTests", ["MEDAdmin", "MEDApp", "MEDCurl", "medispatcher", "amender", "medctl", lifecycle, arguments]),
    tests("SystemTests", ["MEDApp", "MEDBeanstalk", "MEDSQLite", "MEDMySQL", "MEDProducer", "MEDRedis", "chaos"]),
  ]
)
