import DICOM
import Glibc
import System

/// Compares the content of two files of a folder, as a stream.
///
/// The content of an instance is its data set in its transfer syntax. The file meta information also tells who received
/// it from whom and with which program, which makes no other instance of it.
enum FileComparison {
    private static let chunkLength = 64 * 1024

    /// - Parameter one: open for reading; `first` names it in messages.
    static func areEqual(
        _ one: borrowing FileDescriptor, _ first: FilePath, _ second: FilePath, in directory: OutputFolder.Directory
    ) throws(FileProblem) -> Bool {
        let other = try open(second, in: directory)
        let states = (try FileState(of: one, path: first), try FileState(of: other, path: second))
        guard states.0.isRegular, states.1.isRegular else { return false }
        var buffers = (
            [UInt8](repeating: 0, count: chunkLength), [UInt8](repeating: 0, count: chunkLength)
        )
        var offsets: (UInt64, UInt64) = (0, 0)
        let lengths = (
            try read(one, first, at: 0, into: &buffers.0), try read(other, second, at: 0, into: &buffers.1)
        )
        let heads = (dataSet(buffers.0.prefix(lengths.0)), dataSet(buffers.1.prefix(lengths.1)))
        if let one = heads.0, let other = heads.1 {
            guard one.syntax == other.syntax else { return false }
            offsets = (one.offset, other.offset)
        }
        guard states.0.size - min(offsets.0, states.0.size) == states.1.size - min(offsets.1, states.1.size) else {
            return false
        }
        while offsets.0 < states.0.size {
            let counts = (
                try read(one, first, at: offsets.0, into: &buffers.0),
                try read(other, second, at: offsets.1, into: &buffers.1)
            )
            guard counts.0 == counts.1, counts.0 > 0 else { return false }
            guard buffers.0.prefix(counts.0) == buffers.1.prefix(counts.1) else { return false }
            offsets.0 += UInt64(counts.0)
            offsets.1 += UInt64(counts.1)
        }
        return true
    }

    /// Returns the offset and the syntax of the data set; nil for a file that is no instance, which is compared as a whole.
    private static func dataSet(_ head: ArraySlice<UInt8>) -> (offset: UInt64, syntax: TransferSyntax)? {
        do throws(DataSetError) {
            let (meta, offset) = try FileMetaInformation.decode(head)
            return (UInt64(offset), meta.transferSyntax)
        } catch {
            return nil
        }
    }

    private static func open(
        _ name: FilePath, in directory: OutputFolder.Directory
    ) throws(FileProblem) -> FileDescriptor {
        try FileProblem.reading(directory.path.appending(name.bytes)) { () throws(SystemError) in
            try FileDescriptor.open(name, in: directory.descriptor, [.notFollowingLinks, .notWaiting])
        }
    }

    /// As many bytes as fit, fewer only at the end.
    private static func read(
        _ descriptor: borrowing FileDescriptor, _ name: FilePath, at offset: UInt64, into buffer: inout [UInt8]
    ) throws(FileProblem) -> Int {
        let number = descriptor.rawValue
        var total = 0
        while total < buffer.count {
            let count = try FileProblem.reading(name) { () throws(SystemError) in
                try systemCall("read") {
                    buffer.withUnsafeMutableBytes {
                        pread(
                            number, $0.baseAddress.map { $0 + total }, $0.count - total,
                            off_t(clamping: offset) + off_t(total))
                    }
                }
            }
            guard count > 0 else { break }
            total += count
        }
        return total
    }
}
