// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "Benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "medispatcher", path: "..")],
  targets: [
    .executableTarget(name: "codec-bench", dependencies: [.product(name: "MEDCore", package: "medispatcher")]),
    .executableTarget(
      name: "push-bench",
      dependencies: [
        .product(name: "MEDCore", package: "medispatcher"), .product(name: "MEDPush", package: "medispatcher"),
      ],
      swiftSettings: [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]),
  ]
)
