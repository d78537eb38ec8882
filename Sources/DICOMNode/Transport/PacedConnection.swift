import System

/// A connection that keeps to a budget of bytes a second, which it shares with others. Nothing else about it is changed.
///
/// A pause of its own is no silence of the peer: ``Connection/pausedSeconds`` counts them.
class PacedConnection: ConnectionWrapper, @unchecked Sendable {
    // Unchecked: a connection is used by one thread at a time, see `Connection`.
    let connection: any Connection
    private let rate: RateLimit
    private(set) var pausedSeconds = 0.0
    /// Bytes of the last write that were not given to the connection yet.
    private var rest = 0

    /// What is shorter does not wait, and is charged to the others: control PDUs, commands, responses.
    private static let shortLength = 1024

    fileprivate init(_ connection: any Connection, _ rate: RateLimit) {
        self.connection = connection
        self.rate = rate
    }

    /// The connection itself without a limit.
    static func over(_ connection: any Connection, _ rate: RateLimit?) -> any Connection {
        guard let rate else { return connection }
        return connection.fileSender == nil
            ? PacedConnection(connection, rate) : PacedFileSender(connection, rate)
    }

    var fileSender: (any FileSendingConnection)? { nil }

    var unwritten: Int { rest + connection.unwritten }

    func read(into buffer: UnsafeMutableRawBufferPointer, wait: WaitLimits) throws(TransportError) -> Int {
        pausedSeconds += rate.waitToReceive(until: wait.total)
        let count = try connection.read(into: piece(of: buffer), wait: wait)
        rate.charge(count, .received)
        return count
    }

    /// Does not wait, as its caller does not.
    func readAvailable(into buffer: UnsafeMutableRawBufferPointer) throws(TransportError) -> Int? {
        guard let count = try connection.readAvailable(into: piece(of: buffer)) else { return nil }
        rate.charge(count, .received)
        return count
    }

    private func piece(of buffer: UnsafeMutableRawBufferPointer) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(rate.pieceLength))
    }

    func write(
        _ bytes: UnsafeRawBufferPointer, wait: WaitLimits, whileBlocked: (() -> BlockedWrite)?
    ) throws(TransportError) {
        let connection = connection
        try write(OutgoingBytes(bytes), wait) { piece throws(TransportError) in
            try connection.write(piece.memory, wait: wait, whileBlocked: whileBlocked)
        }
    }

    /// Writes piece by piece, with pauses between.
    fileprivate func write(
        _ bytes: OutgoingBytes, _ wait: WaitLimits, _ send: (OutgoingBytes) throws(TransportError) -> Void
    ) throws(TransportError) {
        var left = bytes
        let isShort = bytes.count <= Self.shortLength
        repeat {
            rest = left.count
            if !isShort { try pauseToSend(wait) }
            let piece = left.prefix(rate.pieceLength)
            left.removeFirst(piece.count)
            rest = left.count
            defer { rate.charge(piece.count - connection.unwritten, .sent) }
            try send(piece)
        } while left.count > 0
    }

    private func pauseToSend(_ wait: WaitLimits) throws(TransportError) {
        do throws(WaitError) { pausedSeconds += try rate.waitToSend(wait) } catch {
            throw TransportError(error, .write)
        }
    }

    func closeWriting() { connection.closeWriting() }

    func close() { connection.close() }
}

/// The same over a connection that sends from files.
private final class PacedFileSender: PacedConnection, FileSendingConnection, @unchecked Sendable {
    override var fileSender: (any FileSendingConnection)? { self }

    func write(
        _ bytes: OutgoingBytes, wait: WaitLimits, whileBlocked: (() -> BlockedWrite)?
    ) throws(TransportError) {
        guard let sender = connection.fileSender else {
            return try write(bytes.memory, wait: wait, whileBlocked: whileBlocked)
        }
        try write(bytes, wait) { piece throws(TransportError) in
            try sender.write(piece, wait: wait, whileBlocked: whileBlocked)
        }
    }
}
