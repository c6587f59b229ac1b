import Glibc

/// Decides when a config file that has changed is to be read. Pure: told what was seen at each look, once an interval.
///
/// A change is taken when two looks have seen the same: a file that is still being written isn't read by halves. What was
/// read once, usable or not, isn't read again until it changes again.
struct ConfigWatch {
  /// How the file looked.
  enum Sight: Equatable {
    case there(FileStamp)
    /// Why it can't be looked at.
    case missing(Int32)
  }

  enum Action: Equatable {
    case nothing
    case read
    /// The file is gone; the settings stay.
    case tellMissing(Int32)
  }

  private var seen: Sight?
  private var handled: Sight?

  mutating func look(_ sight: Sight) -> Action {
    defer { seen = sight }
    guard sight == seen, sight != handled else { return .nothing }
    handled = sight
    switch sight {
    case .there: return .read
    case .missing(let number): return .tellMissing(number)
    }
  }

  /// It was read without being asked for here, and looked so before and after.
  mutating func wasRead(_ sight: Sight) {
    seen = sight
    handled = sight
  }

  /// It changed while it was read: what was read doesn't count.
  mutating func changedMeanwhile() { handled = nil }
}

/// What tells one state of a file from another: which file it is behind all symbolic links, how long, and when it changed.
struct FileStamp: Equatable {
  private let device: dev_t
  private let inode: ino_t
  private let size: off_t
  private let modified: [Int]

  init(_ status: stat) {
    device = status.st_dev
    inode = status.st_ino
    size = status.st_size
    modified = [
      status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec,
    ]
  }
}

extension ConfigWatch.Sight {
  init(of path: String) {
    var status = stat()
    self = stat(path, &status) == 0 ? .there(FileStamp(status)) : .missing(errno)
  }
}
