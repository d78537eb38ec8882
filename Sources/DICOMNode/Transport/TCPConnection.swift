import Glibc
import Synchronization
package import System

/// A TCP connection whose socket never blocks.
///
/// `TCP_NODELAY` is on: messages are written whole, so holding back their last segment only costs time. `TCP_QUICKACK`
/// is set again before each wait for data, because the system forgets it: some peers answer in two segments with
/// Nagle's algorithm on, and a delayed acknowledgement then costs some 40 ms a message. Buffer sizes are left to the
/// system's autotuning.
package final class TCPConnection: FileSendingConnection {
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

    package var unwritten: Int { left.load(ordering: .relaxed) }

    package var localDescription: String { SocketAddress.local(of: descriptor).description }

    /// Reads the available bytes, at least one; see ``Connection``.
    ///
    /// - Throws: `TransportError` if the connection fails, a limit passes or the wait is cancelled.
    package func read(
        into buffer: UnsafeMutableRawBufferPointer, wait: WaitLimits
    ) throws(TransportError) -> Int {
        try wait.checkCancellation()
        if let count = try receive(into: buffer) { return count }
        // Needed only before a wait: while data is available the peer is not delayed by a missing acknowledgement.
        setQuickAcknowledgement()
        let soon = Deadline.after(seconds: Self.shortWait)
        if wait.staysAwake, let count = try receive(into: buffer, until: soon) { return count }
        let deadline = wait.deadlineFromNow()
        while true {
            _ = try Readiness.wait(descriptor, for: .readable, until: deadline, limits: wait, phase: .read)
            if let count = try receive(into: buffer) {
                answersSoon.store(!soon.isPast, ordering: .relaxed)
                return count
            }
        }
    }

    /// Polls for a moment if the last wait was as short: to sleep and be woken takes longer, above all in a virtual
    /// machine. A slower peer costs one such moment, not one each time. Yielding the processor instead would leave it
    /// to other threads for far longer.
    private func receive(into buffer: UnsafeMutableRawBufferPointer, until soon: Deadline) throws(TransportError)
        -> Int?
    {
        guard answersSoon.load(ordering: .relaxed) else { return nil }
        repeat {
            if let count = try receive(into: buffer) { return count }
        } while !soon.isPast
        return nil
    }

    /// Reads the available bytes without waiting; see ``Connection``.
    ///
    /// - Throws: `.closed` after ``close()``, or the error of the connection.
    package func readAvailable(into buffer: UnsafeMutableRawBufferPointer) throws(TransportError) -> Int? {
        guard !isClosed.load(ordering: .relaxed) else { throw .closed }
        setQuickAcknowledgement()
        return try receive(into: buffer)
    }

    private func receive(into buffer: UnsafeMutableRawBufferPointer) throws(TransportError) -> Int? {
        guard !isClosed.load(ordering: .relaxed) else { throw .closed }
        while true {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count >= 0 { return count }
            switch errno {
            case EINTR: continue
            case EAGAIN: return nil
            default: throw Self.streamError("recv")
            }
        }
    }

    /// Sends all bytes; see ``Connection``.
    ///
    /// - Throws: `TransportError` if the connection fails, a limit passes or the wait is cancelled; `.abandoned` if
    ///   `whileBlocked` ends the write.
    package func write(
        _ bytes: UnsafeRawBufferPointer, wait: WaitLimits, whileBlocked: (() -> BlockedWrite)?
    ) throws(TransportError) {
        try write(OutgoingBytes(bytes), wait: wait, whileBlocked: whileBlocked)
    }

    func write(
        _ bytes: OutgoingBytes, wait: WaitLimits, whileBlocked: (() -> BlockedWrite)?
    ) throws(TransportError) {
        var rest = bytes
        defer { left.store(rest.count, ordering: .relaxed) }
        try wait.checkCancellation()
        var watcher = whileBlocked
        while rest.count > 0 {
            let count = try writeAvailable(rest)
            if count > 0 {
                rest.removeFirst(count)
            } else {
                try waitUntilWritable(wait: wait, watcher: &watcher)
            }
        }
    }

    private func writeAvailable(_ bytes: OutgoingBytes) throws(TransportError) -> Int {
        guard let file = bytes.file else { return try writeAvailable(bytes.memory) }
        // The bytes before the file's wait for them, so that both leave in one segment.
        guard bytes.memory.isEmpty else { return try writeAvailable(bytes.memory, flags: CInt(MSG_MORE)) }
        return try writeAvailable(file)
    }

    /// Sends as many bytes as the system takes now and returns their number, possibly 0.
    func writeAvailable(_ bytes: UnsafeRawBufferPointer, flags: CInt = 0) throws(TransportError) -> Int {
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

    static func streamError(_ operation: String) -> TransportError {
        switch errno {
        case ECONNRESET, EPIPE, ECONNABORTED: .reset
        case ETIMEDOUT: .timedOut(.read)
        case ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH: .noRoute(detail: SystemError.last(operation).reason)
        default: .system(SystemError.last(operation))
        }
    }
}
