import Glibc

/// Reads a stream in pieces that a separator ends, such as lines, as they come and with little memory.
package struct LineReader: ~Copyable {
    package enum Line: Sendable {
        /// The bytes without the separator. The last line of the stream may have none.
        case whole([UInt8])
        /// The beginning of a line that is longer than allowed; it was dropped, and what follows of it comes as the next line.
        case tooLong
    }

    package var separator: UInt8
    private let descriptor: CInt
    private let maximumLength: Int
    private var buffer: [UInt8] = []
    private var position = 0
    package private(set) var isAtEnd = false

    private static let readSize = 1 << 16

    /// The descriptor stays the caller's.
    ///
    /// - Parameter maximumLength: of a line, in bytes.
    package init(descriptor: CInt, maximumLength: Int, separator: UInt8 = UInt8(ascii: "\n")) {
        self.descriptor = descriptor
        self.maximumLength = maximumLength
        self.separator = separator
    }

    /// The bytes that were read and belong to no line that was given out.
    package var pending: ArraySlice<UInt8> { buffer[position...] }

    /// The next line, which may be empty; nil at the end of the stream.
    ///
    /// - Throws: `SystemError` if the stream cannot be read.
    package mutating func next() throws(SystemError) -> Line? {
        var searched = position
        while true {
            if let end = buffer[searched...].firstIndex(of: separator) {
                defer { position = end + 1 }
                return .whole(Array(buffer[position..<end]))
            }
            searched = buffer.count
            if isAtEnd {
                defer { position = buffer.count }
                return position < buffer.count ? .whole(Array(buffer[position...])) : nil
            }
            if buffer.count - position > maximumLength {
                position = buffer.count
                return .tooLong
            }
            searched -= position
            try fill()
        }
    }

    /// Reads once: more bytes are pending afterwards, or the stream is at its end.
    ///
    /// - Throws: `SystemError` if the stream cannot be read.
    package mutating func fill() throws(SystemError) {
        buffer.removeFirst(position)
        position = 0
        let old = buffer.count
        buffer.append(contentsOf: repeatElement(0, count: Self.readSize))
        let count: Int
        do throws(SystemError) {
            count = try systemCall("read") {
                buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress.map { $0 + old }, Self.readSize) }
            }
        } catch {
            buffer.removeLast(Self.readSize)
            throw error
        }
        buffer.removeLast(Self.readSize - count)
        isAtEnd = count == 0
    }
}
