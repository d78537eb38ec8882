package import Glibc

/// Gives the bytes of a data set on its way out, straight into the gaps of the send buffer.
package protocol DataSetSource: AnyObject {
    /// Fills the gaps from the first on, each as far as there are bytes, and all of them unless the data set ends.
    ///
    /// - Returns: The number of bytes placed; `isLast` if the data set ends with them.
    func fill(_ gaps: UnsafeMutableBufferPointer<iovec>) throws(DataSetSourceError) -> (count: Int, isLast: Bool)

    /// Takes the next bytes, at most `limit`, as a range of a file that is sent without being read; `isLast` if the
    /// data set ends with them. Returns nil if the bytes are available by ``fill(_:)`` only.
    func takeRange(upTo limit: Int) throws(DataSetSourceError) -> (range: FileRange, isLast: Bool)?

    /// The bytes of the data set as it is sent; nil where that is not known before it was read.
    var length: UInt64? { get }

    /// Checks, after the peer has responded, that the file was not changed while it was sent.
    func checkArrived() throws(DataSetSourceError)
}

extension DataSetSource {
    package var length: UInt64? { nil }

    /// - Throws: Nothing; a source that can send file ranges implements this itself.
    package func takeRange(upTo limit: Int) throws(DataSetSourceError) -> (range: FileRange, isLast: Bool)? { nil }
    /// - Throws: Nothing; a source whose bytes can change while they are sent implements this itself.
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

    var length: UInt64? { UInt64(end - offset) }

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
