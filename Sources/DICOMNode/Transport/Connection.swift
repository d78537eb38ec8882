import Glibc
package import System

/// A stream of bytes to a peer: TCP, or TLS over it.
///
/// A connection is used by one thread at a time; it may be handed from one to another. Its socket never blocks: every
/// wait is a `poll` with the limits that come as an argument.
package protocol Connection: AnyObject, Sendable {
    /// For `poll` by others; data may be waiting inside a TLS session although the socket has none.
    var descriptor: CInt { get }
    /// The peer's address and port in numbers.
    var peerDescription: String { get }
    /// Our own address and port in numbers.
    var localDescription: String { get }
    /// A description of the transport security for the log; nil over plain TCP.
    var securityDescription: String? { get }
    /// What TLS has agreed on; nil over plain TCP.
    var securityDetails: SecurityDetails? { get }
    /// A warning about the transport security: a certificate that expires soon, or was not checked.
    var securityWarning: String? { get }
    /// The durations of name look-up and connect; nil for a connection that was accepted.
    var timings: TCPConnection.Timings? { get }
    /// True if the bytes of a file are taken from the system, which passes its pages to the socket: they are neither read nor copied by
    /// this process.
    var sendsFiles: Bool { get }

    /// Reads the available bytes, at least one; waits only if there is none. Returns 0 if the peer has closed its side.
    func read(into buffer: UnsafeMutableRawBufferPointer, wait: WaitLimits) throws(TransportError) -> Int

    /// Reads the available bytes without waiting. Returns nil if there is none now, 0 if the peer has closed its side.
    func readAvailable(into buffer: UnsafeMutableRawBufferPointer) throws(TransportError) -> Int?

    /// Sends all bytes; the inactivity limit starts again with everything the system takes.
    ///
    /// A peer may send while we do: its A-ABORT, or responses within an asynchronous operations window; and a peer that
    /// waits until we read those would never read on itself. So while the socket takes nothing, `whileBlocked` is
    /// called each time something can be read. It should read with ``readAvailable(into:)`` and must not write; its
    /// answer says how to go on. When the write fails with `.reset`, what the peer said before may still be
    /// readable.
    ///
    /// - Throws: `TransportError` if the connection fails, a limit passes or the wait is cancelled; `.abandoned` if `whileBlocked` ends
    ///   the write; `.file` if the file cannot be read to the end of its range.
    func write(
        _ bytes: OutgoingBytes, wait: WaitLimits, whileBlocked: (() -> BlockedWrite)?
    ) throws(TransportError)

    /// The number of bytes of the last ``write(_:wait:whileBlocked:)`` that the system has not taken, those of a file, too, also while
    /// it calls `whileBlocked`. After `.cancelled` and `.timedOut` a further write may go on with them.
    var unwritten: Int { get }

    /// The seconds for which reads and writes have waited by a limit of our own; a peer was not silent meanwhile.
    var pausedSeconds: Double { get }

    /// Ends the stream of this side; the other one can still be read. TLS says close_notify first, if it can at once.
    func closeWriting()

    /// Closes for good; further calls do nothing.
    func close()
}

/// Watches that a peer keeps sending. One that sends a byte now and then is as good as silent: it is one that sends less
/// than ``minimum`` bytes within the inactivity limit, and nothing whole.
package struct ReceivingProgress {
    /// In bytes; the slowest modem line is a hundred times faster.
    static let minimum = 1024

    private let limit: Double?
    private var bytes = 0
    /// The point in time at which the peer counts as silent.
    package private(set) var deadline: Deadline

    /// - Parameter limit: the inactivity limit in seconds; nil is without limit.
    package init(limit: Double?) {
        self.limit = limit
        deadline = .after(seconds: limit ?? .infinity)
    }

    /// Counts bytes that have come.
    package mutating func add(_ count: Int) {
        bytes += count
        if bytes >= Self.minimum { restart() }
    }

    /// Lets the peer be silent for longer: we have not read meanwhile.
    package mutating func extend(by seconds: Double) {
        if seconds > 0 { deadline = deadline.later(by: seconds) }
    }

    /// Begins anew: the peer may be silent for the whole limit.
    package mutating func restart() { self = ReceivingProgress(limit: limit) }
}

/// The next step of a blocked write after the connection became readable.
package enum BlockedWrite: Sendable {
    /// Keep sending, and call again when more can be read.
    case keepWatching
    /// Keep sending, but read no more: the peer has closed its side, or the reader's buffer is full.
    case stopWatching
    /// Send nothing more: the write ends with `.abandoned`.
    case abandon
}

extension Connection {
    package var securityDescription: String? { nil }
    package var securityDetails: SecurityDetails? { nil }
    package var securityWarning: String? { nil }
    package var sendsFiles: Bool { false }
    package var pausedSeconds: Double { 0 }

    /// Our own address in numbers, without the port.
    package var localHost: String { SocketAddress.local(of: descriptor).host }

    /// Sends all bytes.
    ///
    /// - Throws: `TransportError` if the connection fails, a limit passes or the wait is cancelled.
    package func write(_ bytes: UnsafeRawBufferPointer, wait: WaitLimits) throws(TransportError) {
        try write(OutgoingBytes(bytes), wait: wait, whileBlocked: nil)
    }

    /// Sends all bytes; for short ones such as control PDUs.
    ///
    /// - Throws: `TransportError` if the connection fails, a limit passes or the wait is cancelled.
    package func write(_ bytes: [UInt8], wait: WaitLimits) throws(TransportError) {
        try write(bytes, then: nil, wait: wait)
    }

    /// Sends bytes and, behind them, a part of a file.
    ///
    /// - Throws: `TransportError` if the connection fails, a limit passes or the wait is cancelled; `.file` if the file cannot be read
    ///   to the end of its range.
    package func write(_ bytes: [UInt8], then file: FileRange?, wait: WaitLimits) throws(TransportError) {
        var failure: TransportError?
        bytes.withUnsafeBytes { buffer in
            do throws(TransportError) {
                try write(OutgoingBytes(buffer, then: file), wait: wait, whileBlocked: nil)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }
}

/// Bytes of an open file that are to be sent unchanged. The owner of the descriptor keeps it open meanwhile.
package struct FileRange: Sendable, Equatable {
    package let descriptor: CInt
    package private(set) var offset: UInt64
    package private(set) var count: Int

    package init(descriptor: CInt, offset: UInt64, count: Int) {
        self.descriptor = descriptor
        self.offset = offset
        self.count = count
    }

    /// Reads the first bytes, at least one.
    ///
    /// - Throws: `.file` if the file cannot be read, or ends before.
    func read(upTo limit: Int) throws(TransportError) -> [UInt8] {
        let wanted = min(count, limit)
        var failure: SystemError?
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
            do throws(SystemError) {
                count = try systemCall("read") {
                    pread(descriptor, buffer.baseAddress, wanted, off_t(clamping: offset))
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw .file(.unreadable(failure)) }
        guard !bytes.isEmpty else { throw .file(.ended) }
        return bytes
    }

    mutating func removeFirst(_ number: Int) {
        offset += UInt64(number)
        count -= number
    }
}

/// The content of one write: bytes in memory and, behind them, a part of a file.
package struct OutgoingBytes {
    package private(set) var memory: UnsafeRawBufferPointer
    package private(set) var file: FileRange?

    package init(_ memory: UnsafeRawBufferPointer, then file: FileRange? = nil) {
        self.memory = memory
        self.file = file
    }

    package var count: Int { memory.count + (file?.count ?? 0) }

    /// The first bytes, at most so many.
    func prefix(_ number: Int) -> OutgoingBytes {
        guard number < count else { return self }
        let first = UnsafeRawBufferPointer(rebasing: memory.prefix(number))
        guard let file, number > memory.count else { return OutgoingBytes(first) }
        return OutgoingBytes(
            first, then: FileRange(descriptor: file.descriptor, offset: file.offset, count: number - memory.count))
    }

    /// Removes the bytes that were sent.
    mutating func removeFirst(_ number: Int) {
        let ofMemory = min(number, memory.count)
        memory = UnsafeRawBufferPointer(rebasing: memory.dropFirst(ofMemory))
        if number > ofMemory { file?.removeFirst(number - ofMemory) }
    }
}

/// A connection that adds something to another one, which it describes itself by.
protocol ConnectionWrapper: Connection {
    var connection: any Connection { get }
}

extension ConnectionWrapper {
    var descriptor: CInt { connection.descriptor }
    var peerDescription: String { connection.peerDescription }
    var localDescription: String { connection.localDescription }
    var securityDescription: String? { connection.securityDescription }
    var securityDetails: SecurityDetails? { connection.securityDetails }
    var securityWarning: String? { connection.securityWarning }
    var sendsFiles: Bool { connection.sendsFiles }
    var timings: TCPConnection.Timings? { connection.timings }
}
