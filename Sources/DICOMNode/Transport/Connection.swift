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
    /// What the transport secures, in words, for the log; nil over plain TCP.
    var securityDescription: String? { get }
    /// What the user should know of the security: a certificate that expires soon, or was not checked.
    var securityWarning: String? { get }
    /// How long name look-up and connect took; nil for a connection that was accepted.
    var timings: TCPConnection.Timings? { get }

    /// Reads what there is, at least one byte; waits only when there is none. Zero: the peer has closed its side.
    func read(into buffer: UnsafeMutableRawBufferPointer, wait: WaitLimits) throws(TransportError) -> Int

    /// Reads what there is without waiting: nil when there is nothing now, zero when the peer has closed its side.
    func readAvailable(into buffer: UnsafeMutableRawBufferPointer) throws(TransportError) -> Int?

    /// Sends all bytes; the inactivity limit starts again with everything the system takes.
    ///
    /// A peer may send while we do: its A-ABORT, or responses within an asynchronous operations window; and a peer that
    /// waits until we read those would never read on itself. So while the socket takes nothing, `whileBlocked` is
    /// called each time something can be read. It should read with ``readAvailable(into:)`` and must not write; its
    /// answer says how to go on. When the write fails with `.reset`, what the peer said before may still be
    /// readable.
    func write(
        _ bytes: UnsafeRawBufferPointer, wait: WaitLimits, whileBlocked: (() -> BlockedWrite)?
    ) throws(TransportError)

    /// How much of what was given to the last ``write(_:wait:whileBlocked:)`` the system has not taken. After `.cancelled` and
    /// `.timedOut` a further write may go on with that rest, from where it lies.
    var unwritten: Int { get }

    /// Ends the stream of this side; the other one can still be read. TLS says close_notify first, if it can at once.
    func closeWriting()

    /// Closes for good; further calls do nothing.
    func close()
}

/// What a blocked write does after something became readable.
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
    package var securityWarning: String? { nil }

    package func write(_ bytes: UnsafeRawBufferPointer, wait: WaitLimits) throws(TransportError) {
        try write(bytes, wait: wait, whileBlocked: nil)
    }

    /// For short things such as control PDUs.
    package func write(_ bytes: [UInt8], wait: WaitLimits) throws(TransportError) {
        var failure: TransportError?
        bytes.withUnsafeBytes { buffer in
            do throws(TransportError) { try write(buffer, wait: wait, whileBlocked: nil) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}
