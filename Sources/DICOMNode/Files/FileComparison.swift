import Glibc

/// Compares two files of a folder, as a stream.
enum FileComparison {
    private static let chunkLength = 64 * 1024

    static func areEqual(
        _ first: FilePath, _ second: FilePath, in directory: OutputFolder.Directory
    ) throws(FileProblem) -> Bool {
        let one = try open(first, in: directory)
        let other = try open(second, in: directory)
        let states = (try FileState(of: one, path: first), try FileState(of: other, path: second))
        guard states.0.isRegular, states.1.isRegular, states.0.size == states.1.size else { return false }
        var buffers = (
            [UInt8](repeating: 0, count: chunkLength), [UInt8](repeating: 0, count: chunkLength)
        )
        var offset: UInt64 = 0
        while offset < states.0.size {
            let counts = (
                try read(one, first, at: offset, into: &buffers.0),
                try read(other, second, at: offset, into: &buffers.1)
            )
            guard counts.0 == counts.1, counts.0 > 0 else { return false }
            guard buffers.0.prefix(counts.0) == buffers.1.prefix(counts.1) else { return false }
            offset += UInt64(counts.0)
        }
        return true
    }

    private static func open(
        _ name: FilePath, in directory: OutputFolder.Directory
    ) throws(FileProblem) -> FileDescriptor {
        let parent = directory.descriptor.rawValue
        let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        do throws(SystemError) {
            return FileDescriptor(owning: try systemCall("open") { name.withCString { openat(parent, $0, flags) } })
        } catch {
            throw FileProblem(reading: directory.path.appending(name.bytes), error)
        }
    }

    /// As many bytes as fit, fewer only at the end.
    private static func read(
        _ descriptor: borrowing FileDescriptor, _ name: FilePath, at offset: UInt64, into buffer: inout [UInt8]
    ) throws(FileProblem) -> Int {
        let number = descriptor.rawValue
        var total = 0
        while total < buffer.count {
            let count: Int
            do throws(SystemError) {
                count = try systemCall("read") {
                    buffer.withUnsafeMutableBytes {
                        pread(
                            number, $0.baseAddress.map { $0 + total }, $0.count - total,
                            off_t(clamping: offset) + off_t(total))
                    }
                }
            } catch {
                throw FileProblem(reading: name, error)
            }
            guard count > 0 else { break }
            total += count
        }
        return total
    }
}
