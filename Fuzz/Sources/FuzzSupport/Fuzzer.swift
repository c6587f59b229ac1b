import CFuzzer
import Glibc

/// Hands the process over to libFuzzer, which calls back with one input after another.
///
/// The callback is a C function and can capture nothing; a target passes a literal closure over ``input(_:_:)``.
public func runFuzzer(_ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32) -> Never {
  var count = CommandLine.argc
  var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
  exit(LLVMFuzzerRunDriver(&count, &arguments, callback))
}

/// The input as an array of exactly its size, so that the address sanitizer sees every step beyond it.
public func input(_ data: UnsafePointer<UInt8>?, _ size: Int) -> [UInt8] {
  Array(UnsafeBufferPointer(start: data, count: size))
}

/// An invariant; in optimised builds too. libFuzzer keeps the input that broke it.
public func require(_ condition: Bool, _ claim: StaticString) {
  precondition(condition, "\(claim)")
}
