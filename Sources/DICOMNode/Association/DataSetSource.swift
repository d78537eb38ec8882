package import Glibc

/// Gives the bytes of a data set on its way out, straight into the gaps of the send buffer.
package protocol DataSetSource: AnyObject {
    /// Fills the gaps from the first on, each as far as there are bytes, and all of them unless the data set ends.
    ///
    /// - Returns: how many bytes were placed, and whether they are the last.
    func fill(_ gaps: UnsafeMutableBufferPointer<iovec>) throws(DataSetSourceError) -> (count: Int, isLast: Bool)

    /// The bytes that come next, at most so many, as a part of a file that they are sent from without being read; whether they
    /// are the last. Nil where bytes are to be had by ``fill(_:)`` only.
    func takeRange(upTo limit: Int) throws(DataSetSourceError) -> (range: FileRange, isLast: Bool)?

    /// Proves, once the peer has answered, that what it got is one state of the data set: bytes that are sent from a file may be
    /// changed by others until they have arrived.
    func checkArrived() throws(DataSetSourceError)
}

extension DataSetSource {
    package func takeRange(upTo limit: Int) throws(DataSetSourceError) -> (range: FileRange, isLast: Bool)? { nil }
    package func checkArrived() throws(DataSetSourceError) {}
}

/// A data set in memory.
final class MemoryDataSetSource: DataSetSource {
    private let bytes: [UInt8]
    private var offset: Int
    private let end: Int

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        offset = 0
        end = bytes.count
    }

    /// A data set that is a part of the bytes.
    init(_ bytes: [UInt8], from start: Int, to end: Int) {
        self.bytes = bytes
        self.end = min(end, bytes.count)
        offset = min(start, self.end)
    }

    func fill(_ gaps: UnsafeMutableBufferPointer<iovec>) throws(DataSetSourceError) -> (count: Int, isLast: Bool) {
        let before = offset
        bytes.withUnsafeBytes { bytes in
            for gap in gaps {
                let count = min(gap.iov_len, end - offset)
                guard count > 0, let base = bytes.baseAddress else { break }
                gap.iov_base?.copyMemory(from: base + offset, byteCount: count)
                offset += count
            }
        }
        return (offset - before, offset == end)
    }
}
