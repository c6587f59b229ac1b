import Foundation

/// Prints a line at once, also into a pipe.
package func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }
