import DICOM
import Glibc
package import System

/// A file that an earlier run has written, looked at again.
package enum WrittenFile {
    private static let chunkLength = 256 * 1024

    /// Nil where there is no regular file.
    package static func length(of path: FilePath) -> UInt64? {
        var status = stat()
        guard path.withCString({ lstat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return UInt64(clamping: status.st_size)
    }

    /// The last change of its bytes, in nanoseconds of the file system's clock; nil where there is no regular file.
    package static func modified(_ path: FilePath) -> Int64? {
        var status = stat()
        guard path.withCString({ lstat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
    }

    package static func hasLength(_ length: UInt64, at path: FilePath) -> Bool { self.length(of: path) == length }

    /// True if it has the length and, where it is known, the SHA-256 digest; false also if the cancellation is raised before all
    /// is read.
    package static func hasContent(
        _ length: UInt64, _ digest: String?, at path: FilePath, unless cancellation: Cancellation = .never
    ) -> Bool {
        guard hasLength(length, at: path) else { return false }
        guard let digest else { return true }
        do throws(SystemError) {
            let file = try FileDescriptor.open(path, [.notFollowingLinks])
            let number = file.rawValue
            var sum = FileDigest()
            var buffer = [UInt8](repeating: 0, count: chunkLength)
            while !cancellation.isRaised {
                let count = try systemCall("read") {
                    buffer.withUnsafeMutableBytes { read(number, $0.baseAddress, $0.count) }
                }
                guard count > 0 else { return sum.hexadecimal() == digest }
                buffer.withUnsafeBytes { sum.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            }
            return false
        } catch {
            return false
        }
    }
}

/// True if paths lie below a folder, by whatever names either is given: relative, through links, with `..`.
package final class FolderMembership: Sendable {
    private let folder: [UInt8]?
    /// The answers for the parents of earlier paths: instances of a run lie in few folders.
    private let known = Locked<[FilePath: Bool]>([:])
    private static let maximumKnown = 10_000

    /// - Parameter folder: exists; where it does not, nothing is in it.
    package init(_ folder: FilePath) {
        self.folder = (folder.isEmpty ? "." : folder).withoutLinks?.bytes
    }

    package func holds(_ path: FilePath) -> Bool {
        guard let folder else { return false }
        let parent = path.parent
        if let answer = known.withLock({ $0[parent] }) { return answer }
        let separator = UInt8(ascii: "/")
        let answer =
            (parent.withoutLinks?.bytes).map { parent in
                parent == folder || folder == [separator] || parent.starts(with: folder + [separator])
            } ?? false
        known.withLock { known in
            if known.count >= Self.maximumKnown { known.removeAll() }
            known[parent] = answer
        }
        return answer
    }
}
