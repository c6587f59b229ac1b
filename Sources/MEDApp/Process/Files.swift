import Glibc

/// A call of the operating system that failed, in words.
package struct SystemError: Error, CustomStringConvertible {
  package let message: String
  package let number: Int32

  package init(_ what: String, _ number: Int32 = errno) {
    self.number = number
    message = "\(what): \(String(cString: strerror(number)))"
  }

  package init(message: String) {
    self.message = message
    number = 0
  }

  package var description: String { message }
}

/// Opens, retrying when a signal comes in between. Descriptors are never inherited by child processes.
func openFile(_ path: String, _ flags: Int32, mode: mode_t = 0o644) throws(SystemError) -> Int32 {
  while true {
    let descriptor = open(path, flags | O_CLOEXEC, mode)
    if descriptor >= 0 { return descriptor }
    guard errno == EINTR else { throw SystemError("can't open \(path)") }
  }
}

/// Reads a whole file.
/// - Throws: also if it is larger than `limit` bytes.
func readFile(_ path: String, atMost limit: Int) throws(SystemError) -> [UInt8] {
  let descriptor = try openFile(path, O_RDONLY)
  defer { close(descriptor) }
  return try readAll(descriptor, named: path, atMost: limit)
}

func readAll(_ descriptor: Int32, named name: String, atMost limit: Int) throws(SystemError) -> [UInt8] {
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 65536)
  while true {
    let count = read(descriptor, &chunk, chunk.count)
    if count < 0 {
      if errno == EINTR { continue }
      throw SystemError("can't read \(name)")
    }
    if count == 0 { return bytes }
    bytes += chunk[..<count]
    guard bytes.count <= limit else { throw SystemError(message: "\(name) is larger than \(limit) bytes") }
  }
}

/// Writes everything, however many calls it takes.
func writeAll(_ bytes: some Collection<UInt8>, to descriptor: Int32) throws(SystemError) {
  let bytes = Array(bytes)
  var start = 0
  while start < bytes.count {
    let count = bytes.withUnsafeBytes { buffer in
      write(descriptor, buffer.baseAddress.map { $0 + start }, buffer.count - start)
    }
    if count < 0 {
      if errno == EINTR { continue }
      throw SystemError("can't write")
    }
    start += count
  }
}
