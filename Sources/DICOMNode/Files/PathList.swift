import Glibc

/// Paths from a stream such as standard input, separated by newlines or by NULs, read as they come.
package struct PathList: ~Copyable {
    package enum Separator: UInt8, Sendable {
        case newline = 0x0A
        case nul = 0x00
    }

    private let descriptor: CInt
    private let separator: UInt8
    private var buffer: [UInt8] = []
    private var position = 0
    private var isAtEnd = false

    /// No path of the system is longer (PATH_MAX, 4096), so a longer "line" is no list of paths.
    package static let maximumLength = 1 << 16
    private static let readSize = 1 << 14

    /// The descriptor stays the caller's.
    package init(descriptor: CInt, separator: Separator) {
        self.descriptor = descriptor
        self.separator = separator.rawValue
    }

    /// The next path that is not empty; nil at the end of the stream.
    package mutating func next() throws(FileProblem) -> FilePath? {
        var searched = position
        while true {
            if let end = buffer[searched...].firstIndex(of: separator) {
                defer { position = end + 1 }
                guard end > position else {
                    searched = end + 1
                    continue
                }
                return FilePath(bytes: buffer[position..<end])
            }
            searched = buffer.count
            if isAtEnd {
                defer { position = buffer.count }
                return position < buffer.count ? FilePath(bytes: buffer[position...]) : nil
            }
            guard buffer.count - position <= Self.maximumLength else {
                throw FileProblem("list of names", .malformed, "a name is longer than \(Self.maximumLength) bytes")
            }
            searched -= position
            buffer.removeFirst(position)
            position = 0
            try fill()
        }
    }

    private mutating func fill() throws(FileProblem) {
        let old = buffer.count
        buffer.append(contentsOf: repeatElement(0, count: Self.readSize))
        do throws(SystemError) {
            let count = try systemCall("read") {
                buffer.withUnsafeMutableBytes {
                    read(descriptor, $0.baseAddress?.advanced(by: old), Self.readSize)
                }
            }
            buffer.removeLast(Self.readSize - count)
            isAtEnd = count == 0
        } catch {
            throw FileProblem(reading: "list of names", error)
        }
    }
}
