package import System

/// Paths from a stream such as standard input, separated by newlines or by NULs, read as they come.
package struct PathList: ~Copyable {
    package enum Separator: UInt8, Sendable {
        case newline = 0x0A
        case nul = 0x00
    }

    private let descriptor: CInt
    /// Nil until the first bytes have shown which it is.
    private var separator: Separator?
    private var names: LineReader

    /// No path of the system is longer (PATH_MAX, 4096), so a longer "line" is no list of paths.
    package static let maximumLength = 1 << 16

    /// The descriptor stays the caller's.
    ///
    /// - Parameter separator: nil finds out: a list that holds a NUL is separated by them, as `find -print0` writes it.
    package init(descriptor: CInt, separator: Separator? = nil) {
        self.descriptor = descriptor
        self.separator = separator
        names = LineReader(descriptor: descriptor, maximumLength: Self.maximumLength)
    }

    /// Waits until the stream has a name, or has ended; returns false if the deadline or a cancellation came first.
    package func isReady(until deadline: Deadline, cancellation: Cancellation) -> Bool {
        if names.isAtEnd || !names.pending.isEmpty { return true }
        do throws(TransportError) {
            let limits = WaitLimits(cancellation: cancellation)
            _ = try Readiness.wait(descriptor, for: .readable, until: deadline, limits: limits, phase: .read)
            return true
        } catch .timedOut {
            return false
        } catch .cancelled {
            return false
        } catch {
            // A descriptor that cannot be waited for is read, which tells what is wrong with it.
            return true
        }
    }

    /// Returns the next path that is not empty; nil at the end of the stream.
    ///
    /// - Throws: `FileProblem` if the stream cannot be read, or a name in it is too long.
    package mutating func next() throws(FileProblem) -> FilePath? {
        while let name = try nextLine() {
            switch name {
            case .whole(let bytes) where bytes.isEmpty: continue
            case .whole(let bytes): return FilePath(bytes: bytes)
            case .tooLong:
                throw FileProblem("list of names", .malformed, "a name is longer than \(Self.maximumLength) bytes")
            }
        }
        return nil
    }

    private mutating func nextLine() throws(FileProblem) -> LineReader.Line? {
        do throws(SystemError) {
            try findSeparator()
            return try names.next()
        } catch {
            throw FileProblem(reading: "list of names", error)
        }
    }

    private mutating func findSeparator() throws(SystemError) {
        while separator == nil, !names.isAtEnd {
            try names.fill()
            if names.pending.contains(Separator.nul.rawValue) {
                separator = .nul
            } else if names.pending.contains(Separator.newline.rawValue) || names.pending.count > Self.maximumLength {
                separator = .newline
            }
        }
        names.separator = (separator ?? .newline).rawValue
    }
}
