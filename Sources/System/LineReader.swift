import Glibc

/// Reads a stream in pieces that a separator ends, such as lines, as they come and with little memory.
package struct LineReader: ~Copyable, Sendable {
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
    /// The bytes of the stream before those of the buffer.
    private var dropped: UInt64 = 0
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
        switch try nextPlace() {
        case .line(let place): .whole(Array(buffer[place]))
        case .tooLong: .tooLong
        case .end: nil
        }
    }

    /// Hands on the next line where it lies, without a copy; false at the end of the stream. The beginning of a line that is longer
    /// than allowed is dropped as in ``next()``, and handed on as an empty one.
    ///
    /// - Parameter body: gets the line, and its offset from where the reader began.
    /// - Throws: `SystemError` if the stream cannot be read.
    package mutating func next(
        _ body: (UnsafeRawBufferPointer, _ offset: UInt64) -> Void
    ) throws(SystemError) -> Bool {
        let line: Range<Int>
        switch try nextPlace() {
        case .line(let place): line = place
        case .tooLong: line = position..<position
        case .end: return false
        }
        let offset = dropped + UInt64(line.lowerBound)
        buffer.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[line]), offset) }
        return true
    }

    /// Where the next line lies in the buffer.
    private enum Place {
        case line(Range<Int>)
        case tooLong
        case end
    }

    private mutating func nextPlace() throws(SystemError) -> Place {
        var searched = position
        while true {
            if let end = indexOfSeparator(from: searched) {
                defer { position = end + 1 }
                return .line(position..<end)
            }
            searched = buffer.count
            if isAtEnd {
                defer { position = buffer.count }
                return position < buffer.count ? .line(position..<buffer.count) : .end
            }
            if buffer.count - position > maximumLength {
                position = buffer.count
                return .tooLong
            }
            searched -= position
            try fill()
        }
    }

    private func indexOfSeparator(from start: Int) -> Int? {
        buffer.withUnsafeBytes { bytes in
            guard start < bytes.count, let base = bytes.baseAddress,
                let found = memchr(base + start, CInt(separator), bytes.count - start)
            else { return nil }
            return UnsafeRawPointer(found) - base
        }
    }

    /// Reads once: more bytes are pending afterwards, or the stream is at its end.
    ///
    /// - Throws: `SystemError` if the stream cannot be read.
    package mutating func fill() throws(SystemError) {
        buffer.removeFirst(position)
        dropped += UInt64(position)
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
