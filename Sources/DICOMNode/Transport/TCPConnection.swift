import Glibc
import Synchronization
package import System

/// A TCP connection whose socket never blocks.
///
/// `TCP_NODELAY` is on: messages are written whole, so holding back their last segment only costs time. `TCP_QUICKACK`
/// is set again before each wait for data, because the system forgets it: some peers answer in two segments with
/// Nagle's algorithm on, and a delayed acknowledgement then costs some 40 ms a message. Buffer sizes are left to the
/// system's autotuning.
package final class TCPConnection: Connection {
    package let descriptor: CInt
    package let peerDescription: String
    package let timings: Timings?
    private let isClosed = Atomic<Bool>(false)
    private let left = Atomic<Int>(0)
    /// True if the last wait was a short one.
    private let answersSoon = Atomic<Bool>(true)

    /// The cost of a wait that ends at once, in seconds: a shorter wait is better spent awake.
    private static let shortWait = 0.0001

    /// The durations of the steps of connecting, in seconds; for diagnosis.
    package struct Timings: Sendable {
        package let lookup: Double
        package let connect: Double
    }

    /// Takes over a connected, non-blocking socket.
    init(owning descriptor: consuming FileDescriptor, peer: SocketAddress, timings: Timings? = nil) {
        self.descriptor = descriptor.release()
        peerDescription = peer.description
        self.timings = timings
        setOption(CInt(IPPROTO_TCP), TCP_NODELAY, 1)
        // A peer that vanished without a word is noticed in waits without limit too.
        setOption(SOL_SOCKET, SO_KEEPALIVE, 1)
    }

    deinit { close() }

    package var sendsFiles: Bool { true }

    package var unwritten: Int { left.load(ordering: .relaxed) }

    package var localDescription: String { SocketAddress.local(of: descriptor).description }

    /// Reads the available bytes, at least one; see ``Connection``.
    ///
    /// - Throws: `TransportError` if the connection fails, a limit passes or the wait is cancelled.
    package func read(
        into buffer: UnsafeMutableRawBufferPointer, wait: WaitLimits
    ) throws(TransportError) -> Int {
        try wait.checkCancellation()
        var waiting = ReadWait()
        while true {
            guard !isClosed.load(ordering: .relaxed) else { throw .closed }
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count >= 0 {
                end(waiting)
                return count
            }
            if errno == EINTR { continue }
            guard errno == EAGAIN else { throw Self.streamError("recv") }
            try self.wait(for: .readable, wait, &waiting)
        }
    }

    /// What one read remembers of its waits.
    struct ReadWait {
        fileprivate var isWaiting = false
        fileprivate var hasSlept = false
        fileprivate var end = Deadline.never
        fileprivate var awakeUntil = Deadline.never
    }

    /// Waits, after an attempt to read that has found nothing, until the next one may find something.
    ///
    /// - Throws: `TransportError` if a limit passes or the wait is cancelled.
    func wait(for wanted: Readiness, _ limits: WaitLimits, _ waiting: inout ReadWait) throws(TransportError) {
        if !waiting.isWaiting {
            waiting.isWaiting = true
            // Needed only before a wait: while data is available the peer is not delayed by a missing acknowledgement.
            setQuickAcknowledgement()
            (waiting.end, waiting.awakeUntil) = (limits.deadlineFromNow(), .after(seconds: Self.shortWait))
        }
        // Polls for a moment if the last wait was as short: to sleep and be woken takes longer, above all in a
        // virtual machine. A slower peer costs one such moment, not one each time. Yielding the processor instead
        // would leave it to other threads for far longer.
        if wanted == .readable, !waiting.hasSlept, limits.staysAwake, answersSoon.load(ordering: .relaxed),
            !waiting.awakeUntil.isPast
        {
            return
        }
        _ = try Readiness.wait(descriptor, for: wanted, until: waiting.end, limits: limits, phase: .read)
        waiting.hasSlept = true
    }

    /// Remembers, when a read has found something, whether it was there soon.
    func end(_ waiting: ReadWait) {
        if waiting.hasSlept { answersSoon.store(!waiting.awakeUntil.isPast, ordering: .relaxed) }
    }

    /// Reads the available bytes without waiting; see ``Connection``.
    ///
    /// - Throws: `.closed` after ``close()``, or the error of the connection.
    package func readAvailable(into buffer: UnsafeMutableRawBufferPointer) throws(TransportError) -> Int? {
        guard !isClosed.load(ordering: .relaxed) else { throw .closed }
        setQuickAcknowledgement()
        while true {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count >= 0 { return count }
            if errno == EAGAIN { return nil }
            guard errno == EINTR else { throw Self.streamError("recv") }
        }
    }

    /// Sends all bytes; see ``Connection``.
    ///
    /// - Throws: `TransportError` if the connection fails, a limit passes or the wait is cancelled; `.abandoned` if
    ///   `whileBlocked` ends the write; `.file` if the file cannot be read to the end of its range.
    package func write(
        _ bytes: OutgoingBytes, wait: WaitLimits, whileBlocked: (() -> BlockedWrite)?
    ) throws(TransportError) {
        var rest = bytes
        defer { left.store(rest.count, ordering: .relaxed) }
        try wait.checkCancellation()
        var watcher = whileBlocked
        while rest.count > 0 {
            // Bytes that stand before a file's wait for them, so that both leave in one segment.
            let count =
                if let file = rest.file, rest.memory.isEmpty {
                    try sendAvailable(file)
                } else {
                    try sendAvailable(rest.memory, flags: rest.file == nil ? 0 : CInt(MSG_MORE))
                }
            if count > 0 {
                rest.removeFirst(count)
            } else {
                left.store(rest.count, ordering: .relaxed)
                try waitUntilWritable(wait: wait, watcher: &watcher)
            }
        }
    }

    /// Sends as many bytes as the system takes now and returns their number, possibly 0.
    private func sendAvailable(_ bytes: UnsafeRawBufferPointer, flags: CInt = 0) throws(TransportError) -> Int {
        guard !isClosed.load(ordering: .relaxed) else { throw .closed }
        while true {
            // Without MSG_NOSIGNAL a process that did not ignore SIGPIPE would end here.
            let count = send(descriptor, bytes.baseAddress, bytes.count, CInt(MSG_NOSIGNAL) | flags)
            if count >= 0 { return count }
            switch errno {
            case EINTR: continue
            case EAGAIN: return 0
            default: throw Self.streamError("send")
            }
        }
    }

    /// Waits for room; the watcher is called for data that arrives meanwhile.
    func waitUntilWritable(
        wait: WaitLimits, watcher: inout (() -> BlockedWrite)?
    ) throws(TransportError) {
        let deadline = wait.deadlineFromNow()
        while true {
            let wanted: Readiness = watcher == nil ? .writable : [.writable, .readable]
            let ready = try Readiness.wait(descriptor, for: wanted, until: deadline, limits: wait, phase: .write)
            if ready.contains(.readable), let watch = watcher {
                switch watch() {
                case .keepWatching: break
                case .stopWatching: watcher = nil
                case .abandon: throw .abandoned
                }
            }
            if ready.contains(.writable) { return }
        }
    }

    package func closeWriting() {
        guard !isClosed.load(ordering: .relaxed) else { return }
        shutdown(descriptor, CInt(SHUT_WR))
    }

    package func close() {
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        _ = Glibc.close(descriptor)
    }

    /// Closes so that the peer sees a reset at once, and nothing unsent is sent any more.
    package func closeAbruptly() {
        guard !isClosed.load(ordering: .relaxed) else { return }
        var now = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    /// Before each wait: the system forgets it.
    func setQuickAcknowledgement() { setOption(CInt(IPPROTO_TCP), TCP_QUICKACK, 1) }

    private func setOption(_ level: CInt, _ option: CInt, _ value: CInt) {
        var value = value
        // Each of them only makes things better; a system that refuses one is no reason to fail.
        setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
    }

    private static func streamError(_ operation: String) -> TransportError {
        switch errno {
        case ECONNRESET, EPIPE, ECONNABORTED: .reset
        case ETIMEDOUT: .timedOut(.read)
        case ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH: .noRoute(detail: SystemError.last(operation).reason)
        default: .system(SystemError.last(operation))
        }
    }
}

// MARK: Files

extension TCPConnection {
    /// Read and written at a time where the system cannot send a file by itself.
    private static let copiedLength = 64 * 1024

    /// Sends as many bytes of a file as the system takes now and returns their number, possibly 0: it hands the pages of
    /// its file cache to the socket.
    ///
    /// - Throws: `.file` if the file cannot be read, otherwise the error of the connection.
    private func sendAvailable(_ file: FileRange) throws(TransportError) -> Int {
        Self.brokenPipesAreErrors
        var offset = off_t(clamping: file.offset)
        while true {
            let count = sendfile(descriptor, file.descriptor, &offset, file.count)
            if count > 0 { return count }
            guard count < 0 else { throw .file(.ended) }
            switch errno {
            case EINTR: continue
            case EAGAIN: return 0
            case ECONNRESET, EPIPE, ECONNABORTED, ETIMEDOUT: throw Self.streamError("sendfile")
            // Some file systems do not offer it, and of other errors it does not say which side they are of: a read and
            // a write each speak for themselves.
            default: return try copyAvailable(file)
            }
        }
    }

    private func copyAvailable(_ file: FileRange) throws(TransportError) -> Int {
        let bytes = try file.read(upTo: Self.copiedLength)
        // Bytes that the system does not take are read again later: the socket is full, so there is time.
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(TransportError) in try sendAvailable(bytes) }
        }
        return try result.get()
    }

    /// `sendfile` knows no MSG_NOSIGNAL: to a peer that has gone away it would end the process.
    private static let brokenPipesAreErrors: Void = { _ = signal(SIGPIPE, SIG_IGN) }()
}

// MARK: Connecting

extension TCPConnection {
    /// Looks the host up and connects to the first of its addresses that answers.
    ///
    /// - Throws: The most informative error if all addresses fail, a limit passes or the wait is cancelled.
    package static func connect(
        host: String, port: UInt16, wait: WaitLimits
    ) throws(TransportError) -> TCPConnection {
        let deadline = wait.deadlineFromNow()
        var limits = wait.within(deadline)
        limits.inactivity = nil
        let lookupWatch = Stopwatch()
        let addresses = try HostLookup.addresses(of: host, port: port, wait: limits)
        let lookup = lookupWatch.seconds
        let connectWatch = Stopwatch()
        var race = ConnectionRace(addresses)
        let socket = try race.run(limits)
        let timings = Timings(lookup: lookup, connect: connectWatch.seconds)
        let peer = SocketAddress.peer(of: socket.rawValue)
        return TCPConnection(owning: socket, peer: peer, timings: timings)
    }
}

extension SocketAddress {
    /// The local end of a socket for datagrams that is connected to this address, which sends nothing.
    func localAddress() throws(SystemError) -> SocketAddress {
        let type = SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
        let datagrams = FileDescriptor(owning: try systemCall("socket") { socket(family, CInt(type), 0) })
        _ = try systemCall("connect") { withPointer { connect(datagrams.rawValue, $0, $1) } }
        return .local(of: datagrams.rawValue)
    }

    /// A non-blocking TCP socket of this address's family.
    func makeSocket() throws(SystemError) -> FileDescriptor {
        let type = SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
        return FileDescriptor(
            owning: try systemCall("socket") { socket(family, CInt(type), CInt(IPPROTO_TCP)) })
    }
}
