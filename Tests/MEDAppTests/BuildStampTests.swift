import Foundation
import Testing

@testable import MEDApp

/// A repository, or what is left of one, with the script that stamps builds.
private struct Checkout {
  let scratch: Scratch
  let root: String

  init(_ name: String = "checkout") throws {
    scratch = try Scratch()
    root = scratch.path + "/" + name
    try FileManager.default.createDirectory(atPath: root + "/Scripts", withIntermediateDirectories: true)
    for file in ["Scripts/build-stamp.sh", "Scripts/commit.txt", ".gitattributes"] {
      try FileManager.default.copyItem(atPath: file, toPath: root + "/" + file)
    }
  }

  @discardableResult
  func git(_ arguments: String..., at place: String? = nil) throws -> String {
    let settings = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"]
    let run = try ProgramRun(
      "/usr/bin/git", settings + ["-C", place ?? root] + arguments,
      environment: ["HOME": scratch.path, "GIT_CONFIG_NOSYSTEM": "1"])
    #expect(run.status == 0, "\(arguments): \(run.errors)")
    return run.output.trimmingCharacters(in: .newlines)
  }

  func commit() throws {
    try git("init", "-q")
    try git("add", "-A")
    try git("commit", "-q", "-m", "first")
  }

  func stamp(at place: String? = nil, environment: [String: String] = [:]) throws -> String {
    let root = place ?? root
    let output = scratch.path + "/stamp.swift"
    let run = try ProgramRun(
      "/bin/sh", [root + "/Scripts/build-stamp.sh", root, output],
      environment: ["HOME": scratch.path].merging(environment) { $1 })
    #expect(run.status == 0, "\(run.errors)")
    return try String(contentsOfFile: output, encoding: .utf8)
  }
}

@Suite("§16 What --version shows")
struct BuildStampTests {
  @Test func `version, commit, moment of the build and Swift version`() throws {
    let run = try ProgramRun("medispatcher", ["--version"])
    let pattern =
      /\d+\.\d+\.\d+ \(([0-9a-f]{7,40}(-dirty)?, )?built \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, Swift 6\.\d+( or later)?\)\n/
    #expect(try pattern.wholeMatch(in: run.output) != nil, "\(run.output)")
    for program in ["amender", "medctl"] { #expect(try ProgramRun(program, ["--version"]).output == run.output) }
  }

  @Test func `the commit is that of the checkout, and stamping leaves it clean`() throws {
    let checkout = try Checkout()
    try checkout.commit()
    let hash = try checkout.git("rev-parse", "--short=12", "HEAD")
    #expect(try checkout.stamp().contains("gitHash: String? = \"\(hash)\"\n"))
    #expect(try checkout.git("status", "--porcelain", "--ignored").isEmpty)
    try "x".write(toFile: checkout.root + "/Scripts/commit.txt", atomically: false, encoding: .utf8)
    #expect(try checkout.stamp().contains("gitHash: String? = \"\(hash)-dirty\"\n"))
  }

  @Test func `a shallow clone knows its commit too`() throws {
    let checkout = try Checkout()
    try checkout.commit()
    try checkout.git("commit", "-q", "--allow-empty", "-m", "second")
    let clone = checkout.scratch.path + "/clone"
    try checkout.git("clone", "-q", "--depth", "1", "file://\(checkout.root)", clone)
    let hash = try checkout.git("rev-parse", "--short=12", "HEAD")
    #expect(try checkout.stamp(at: clone).contains("gitHash: String? = \"\(hash)\"\n"))
  }

  @Test func `a source archive knows its commit too`() throws {
    let checkout = try Checkout()
    try checkout.commit()
    let hash = try checkout.git("rev-parse", "--short=12", "HEAD")
    let place = checkout.scratch.path + "/unpacked"
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    try checkout.git("archive", "-o", checkout.scratch.path + "/a.tar", "HEAD")
    #expect(try ProgramRun("/bin/tar", ["-xf", checkout.scratch.path + "/a.tar", "-C", place]).status == 0)
    #expect(try checkout.stamp(at: place).contains("gitHash: String? = \"\(hash)\"\n"))
  }

  @Test func `without a repository there is no commit, also within somebody else's repository`() throws {
    let outer = try Checkout("outer")
    #expect(try outer.stamp().contains("gitHash: String? = nil\n"))
    try outer.commit()
    let inner = outer.root + "/vendor/medispatcher"
    try FileManager.default.createDirectory(atPath: inner, withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: outer.root + "/Scripts", toPath: inner + "/Scripts")
    #expect(try outer.stamp(at: inner).contains("gitHash: String? = nil\n"))
    let named = try outer.stamp(at: inner, environment: ["MEDISPATCHER_GIT_HASH": "0123abc"])
    #expect(named.contains("gitHash: String? = \"0123abc\"\n"))
    let hostile = try outer.stamp(at: inner, environment: ["MEDISPATCHER_GIT_HASH": "\"; evil()"])
    #expect(hostile.contains("gitHash: String? = nil\n"))
  }
}
