// swift-tools-version: 6.2
import PackageDescription

/// One fuzz target: `Sources/<name>/` with an `@main`, seeds in `Corpora/<name>/`, and this line.
/// What it imports must be a library product of the package above.
func fuzz(_ name: String, _ product: String) -> Target {
  .executableTarget(
    name: name,
    dependencies: ["FuzzSupport", .product(name: product, package: "medispatcher")],
    linkerSettings: [.unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"])])
}

let package = Package(
  name: "Fuzz",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "medispatcher", path: "..")],
  targets: [
    .target(name: "CFuzzer"),
    .target(name: "FuzzSupport", dependencies: ["CFuzzer"]),
    fuzz("fuzz-msgpack", "MEDCore"),
    fuzz("fuzz-json-answer", "MEDCore"),
    fuzz("fuzz-data-line", "MEDCore"),
    fuzz("fuzz-beanstalk-replies", "MEDBeanstalk"),
    fuzz("fuzz-rpc-frame", "MEDRPC"),
    fuzz("fuzz-recovered-entry", "MEDCore"),
  ]
)
