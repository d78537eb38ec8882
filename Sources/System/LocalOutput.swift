import Glibc

/// Writes what a person or another program on this machine takes: to a terminal, a pipe, a socket.
///
/// A reader that does not read is waited for without a limit. Once a signal has asked for an end it has a moment more, at
/// each piece; then the output is given up for good, so that the run can end in order. Regular files take all in one write.
package enum LocalOutput {
    /// In seconds: what a reader may take for a piece after the first signal. A second one leaves it no time.
    private static let grace = 0.5

    /// The cancellation that signals raise.
    private static let signals = Locked(Cancellation.never)

    static func giveUp(at cancellation: Cancellation) { signals.withLock { $0 = cancellation } }

    /// Writes all of the bytes, and keeps those of one call together among the threads of this process.
    ///
    /// - Throws: `SystemError` of the call that failed; of `EINTR` if the output was given up, now or before.
    package static func write(_ bytes: RawSpan, to descriptor: CInt) throws(SystemError) {
        let cancellation = signals.withLock { $0 }
        try bytes.withUnsafeBytes { bytes throws(SystemError) in
            try write(bytes, to: descriptor, unless: cancellation)
        }
    }

    /// - Throws: `SystemError` as ``write(_:to:)`` does.
    static func write(
        _ bytes: UnsafeRawBufferPointer, to descriptor: CInt, unless cancellation: Cancellation
    ) throws(SystemError) {
        guard !bytes.isEmpty else { return }
        guard let (kind, outlet) = way(descriptor) else { return try writeAtOnce(bytes, to: descriptor) }
        // Held while the reader is waited for: no thread may fill the pipe between another one's `poll` and `write`.
        try outlet.state.withLock { outlet throws(SystemError) in
            outlet.open(descriptor, kind)
            let ownDescriptor = outlet.descriptor
            var rest = bytes
            while !rest.isEmpty {
                do throws(SystemError) {
                    guard !outlet.isGivenUp else { throw SystemError(errno: EINTR, operation: "write") }
                    let written = try write(
                        rest, to: ownDescriptor ?? descriptor, kind, mayWait: ownDescriptor == nil, unless: cancellation
                    )
                    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
                } catch {
                    outlet.isGivenUp = error.errno == EINTR
                    throw error
                }
            }
        }
    }

    private static func writeAtOnce(_ bytes: UnsafeRawBufferPointer, to descriptor: CInt) throws(SystemError) {
        var rest = bytes
        while !rest.isEmpty {
            let written = try systemCall("write") { Glibc.write(descriptor, rest.baseAddress, rest.count) }
            guard written > 0 else { throw SystemError(errno: EIO, operation: "write") }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
        }
    }

    // MARK: Outlets

    /// The standard output and the standard error may be one and the same.
    private struct Identity: Equatable {
        let device: dev_t
        let inode: ino_t
    }

    private final class Outlet: Sendable {
        let state = Locked(OutletState())
    }

    private struct OutletState {
        var isGivenUp = false
        /// The terminal or pipe, opened once more: `poll` does not tell how much it takes, so that a `write` must not wait, and the
        /// mode of the descriptor that we were given is that of other programs, too. Nil where that cannot be done.
        private(set) var descriptor: CInt?
        private var hasTried = false

        mutating func open(_ given: CInt, _ kind: Kind) {
            guard !hasTried else { return }
            hasTried = true
            let path: FilePath
            switch kind {
            case .socket: return
            case .pipe: path = FilePath("/proc/self/fd/\(given)")
            case .terminal:
                guard let name = ttyname(given) else { return }
                path = FilePath(String(cString: name))
            }
            descriptor = try? FileDescriptor.open(path, for: .writing, [.notWaiting, .noControllingTerminal]).release()
        }
    }

    /// A handful: a dictionary would cost more at the start than it saves.
    private static let outlets = Locked<[(identity: Identity, outlet: Outlet)]>([])

    private static func outlet(_ status: stat) -> Outlet {
        outlets.withLock { outlets in
            let identity = Identity(device: status.st_dev, inode: status.st_ino)
            if let known = outlets.first(where: { $0.identity == identity }) { return known.outlet }
            let outlet = Outlet()
            outlets.append((identity, outlet))
            return outlet
        }
    }

    /// The kind and the outlet behind a descriptor; nil where `write` does not wait for a reader.
    private typealias Way = (kind: Kind, outlet: Outlet)?

    /// The standard output and error are not asked again: they stay what they are.
    private static let standardOutput = way(to: STDOUT_FILENO)
    private static let standardError = way(to: STDERR_FILENO)

    private static func way(_ descriptor: CInt) -> Way {
        switch descriptor {
        case STDOUT_FILENO: standardOutput
        case STDERR_FILENO: standardError
        default: way(to: descriptor)
        }
    }

    private static func way(to descriptor: CInt) -> Way {
        var status = stat()
        guard fstat(descriptor, &status) == 0, let kind = Kind(descriptor, status) else { return nil }
        return (kind, outlet(status))
    }

    // MARK: Kinds

    /// A file whose `write` may wait for a reader.
    private enum Kind: Sendable {
        case pipe, terminal, socket

        init?(_ descriptor: CInt, _ status: stat) {
            switch status.st_mode & S_IFMT {
            case S_IFIFO: self = .pipe
            case S_IFSOCK: self = .socket
            case S_IFCHR where isatty(descriptor) == 1: self = .terminal
            default: return nil
            }
        }

        /// The bytes that are written next to a pipe whose `write` may wait: what it takes without waiting once `poll` calls it
        /// writable, and whole lines where it can be.
        func piece(of bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
            guard self != .socket, bytes.count > Int(PIPE_BUF) else { return bytes }
            let piece = bytes.prefix(Int(PIPE_BUF))
            let end = piece.lastIndex(of: UInt8(ascii: "\n")) ?? piece.index(before: piece.endIndex)
            return UnsafeRawBufferPointer(rebasing: piece[...end])
        }

        func write(_ bytes: UnsafeRawBufferPointer, to descriptor: CInt) -> Int {
            self == .socket
                ? send(descriptor, bytes.baseAddress, bytes.count, CInt(MSG_DONTWAIT | MSG_NOSIGNAL))
                : Glibc.write(descriptor, bytes.baseAddress, bytes.count)
        }
    }

    /// Writes some of the bytes, and waits until that is possible.
    ///
    /// - Parameter mayWait: True if `write` itself waits for a reader.
    private static func write(
        _ bytes: UnsafeRawBufferPointer, to descriptor: CInt, _ kind: Kind, mayWait: Bool,
        unless cancellation: Cancellation
    ) throws(SystemError) -> Int {
        var wait = Wait(descriptor: descriptor, cancellation: cancellation)
        let bytes = mayWait ? kind.piece(of: bytes) : bytes
        while true {
            if (mayWait && kind == .pipe) || wait.hasFailed { try wait.untilWritable() }
            let written = kind.write(bytes, to: descriptor)
            if written > 0 { return written }
            guard written == -1 else { throw SystemError(errno: EIO, operation: "write") }
            switch errno {
            case EINTR: continue
            case EAGAIN: wait.hasFailed = true
            default: throw SystemError.last("write")
            }
        }
    }

    private struct Wait {
        let descriptor: CInt
        let cancellation: Cancellation
        /// True once the descriptor took nothing.
        var hasFailed = false
        private var hasWaited = false
        private var end = Deadline.never

        init(descriptor: CInt, cancellation: Cancellation) {
            self.descriptor = descriptor
            self.cancellation = cancellation
        }

        /// Waits until the descriptor takes bytes, or has failed.
        mutating func untilWritable() throws(SystemError) {
            // A terminal that has room for one byte is writable, and does not take a line end.
            if hasWaited { _ = Cancellation.never.wait(until: .after(seconds: 0.01)) }
            hasWaited = true
            while true {
                var limits = WaitLimits(cancellation: cancellation)
                switch cancellation.level {
                case .none: limits.cancelledAt = .graceful
                case .graceful:
                    limits.cancelledAt = .abort
                    end = end.earlier(.after(seconds: grace))
                case .abort:
                    // What is taken without waiting is written all the same.
                    limits.cancelledAt = .none
                    end = .now
                }
                do throws(WaitError) {
                    if hasFailed, end.isPast { throw .timedOut }
                    _ = try Readiness.wait(descriptor, for: .writable, until: end, limits: limits)
                    return
                } catch {
                    switch error {
                    case .cancelled: continue
                    case .timedOut: throw SystemError(errno: EINTR, operation: "write")
                    case .system(let error): throw error
                    }
                }
            }
        }
    }
}
