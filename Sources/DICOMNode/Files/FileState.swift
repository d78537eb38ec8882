import Glibc
import System

/// What tells whether a file is still what it was when it was opened.
struct FileState: Sendable, Equatable {
    let size: UInt64
    let isRegular: Bool
    /// The last change of its bytes, in nanoseconds of the file system's clock.
    let modified: Int64

    init(of descriptor: borrowing FileDescriptor, path: FilePath) throws(FileProblem) {
        var status = stat()
        let number = descriptor.rawValue
        _ = try FileProblem.reading(path) { () throws(SystemError) in
            try systemCall("stat") { fstat(number, &status) }
        }
        size = UInt64(clamping: status.st_size)
        isRegular = status.st_mode & S_IFMT == S_IFREG
        modified = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
    }
}
