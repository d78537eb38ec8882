import Glibc
package import System

/// Paths from a stream such as standard input, separated by newlines or by NULs, read as they come.
package struct PathList: ~Copyable {
    package enum Separator: UInt8, Sendable {
        case newline = 0x0A
        case nul = 0x00
    }

    private let descriptor: CInt
    /// Nil until the first bytes have shown which it is.
    private var separator: UInt8?
    private var buffer: [UInt8] = []
    private var position = 0
    private var isAtEnd = false

    /// No path of the system is longer (PATH_MAX, 4096), so a longer "line" is no list of paths.
    package static let maximumLength = 1 << 16
    private static let readSize = 1 << 14

    /// The descriptor stays the caller's.
    ///
    /// - Parameter separator: nil finds out: a list that holds a NUL is separated by them, as `find -print0` writes it.
    package init(descriptor: CInt, separator: Separator? = nil) {
        self.descriptor = descriptor
        self.separator = separator?.rawValue
    }

    /// Waits until the stream has something to say, a name or its end. False: the deadline passed, or the wish to stop came first.
    package func isReady(until deadline: Deadline, cancellation: Cancellation) -> Bool {
        if isAtEnd || position < buffer.count { return true }
        do throws(TransportError) {
            let limits = WaitLimits(cancellation: cancellation)
            _ = try Readiness.wait(descriptor, for: .readable, until: deadline, limits: limits, phase: .read)
            return true
        } catch .timedOut {
            return false
        } catch .cancelled {
            return false
        } catch {
            // What cannot be waited for is read, which tells what is wrong with it.
            return true
        }
    }

    /// The next path that is not empty; nil at the end of the stream.
    package mutating func next() throws(FileProblem) -> FilePath? {
        while separator == nil, !isAtEnd {
            try fill()
            if buffer.contains(Separator.nul.rawValue) {
                separator = Separator.nul.rawValue
            } else if buffer.contains(Separator.newline.rawValue) || buffer.count > Self.maximumLength {
                separator = Separator.newline.rawValue
            }
        }
        let separator = separator ?? Separator.newline.rawValue
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
