import System

/// A connection that keeps to a budget of bytes a second, which it shares with others. Nothing else about it is changed.
///
/// A pause of its own is no silence of the peer: ``Connection/pausedSeconds`` counts them.
final class PacedConnection: ConnectionWrapper, @unchecked Sendable {
    // Unchecked: a connection is used by one thread at a time, see `Connection`.
    let connection: any Connection
    private let rate: RateLimit
    private(set) var pausedSeconds = 0.0
    /// Bytes of the last write that were not given to the connection yet.
    private var rest = 0

    /// What is shorter does not wait, and is charged to the others: control PDUs, commands, responses.
    private static let shortLength = 1024

    private init(_ connection: any Connection, _ rate: RateLimit) {
        self.connection = connection
        self.rate = rate
    }

    /// The connection itself without a limit.
    static func over(_ connection: any Connection, _ rate: RateLimit?) -> any Connection {
        guard let rate else { return connection }
        return PacedConnection(connection, rate)
    }

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

    /// Writes piece by piece, with pauses between.
    func write(
        _ bytes: OutgoingBytes, wait: WaitLimits, whileBlocked: (() -> BlockedWrite)?
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
            try connection.write(piece, wait: wait, whileBlocked: whileBlocked)
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
