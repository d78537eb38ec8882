import System

/// Records what goes over connections: as evidence for somebody who was not there.
package protocol ConnectionRecorder: AnyObject, Sendable {
    /// Called once for each connection, when it is open and, if it is to be, secured.
    func begin(_ connection: ConnectionEnds) -> any StreamRecorder
}

/// The two ends of a connection that is open.
package struct ConnectionEnds: Sendable {
    package struct End: Sendable, Equatable {
        /// 4 bytes of IPv4 or 16 of IPv6, in the order of the network.
        package let address: [UInt8]
        package let port: UInt16

        package init(address: [UInt8], port: UInt16) {
            self.address = address
            self.port = port
        }

        init(_ address: SocketAddress) { self.init(address: address.addressBytes, port: address.port) }
    }

    package let local: End
    package let peer: End
    /// Version and cipher of TLS; nil over plain TCP.
    package let security: String?
    package let isOpenedByPeer: Bool

    package init(local: End, peer: End, security: String? = nil, isOpenedByPeer: Bool = false) {
        self.local = local
        self.peer = peer
        self.security = security
        self.isOpenedByPeer = isOpenedByPeer
    }
}

/// The side of a connection, seen from here.
package enum ConnectionSide: Sendable { case local, peer }

/// Records the bytes of one connection, as they are inside TLS. Called by one thread at a time.
package protocol StreamRecorder: AnyObject, Sendable {
    /// Called for bytes that the system has taken, or given. They are valid during the call alone.
    func record(_ bytes: UnsafeRawBufferPointer, from side: ConnectionSide)
    /// Called when a side has sent all; may be called again.
    func end(of side: ConnectionSide, isReset: Bool)
    /// Called when nothing more can come; may be called again.
    func close()
}

/// A connection that records what goes over it. Nothing else about it is changed.
final class RecordedConnection: ConnectionWrapper, @unchecked Sendable {
    // Unchecked: a connection is used by one thread at a time, see `Connection`.
    let connection: any Connection
    private let recorder: any StreamRecorder

    private init(_ connection: any Connection, _ recorder: any StreamRecorder) {
        self.connection = connection
        self.recorder = recorder
    }

    deinit { recorder.close() }

    /// The connection itself without a recorder.
    static func over(
        _ connection: any Connection, _ recorder: (any ConnectionRecorder)?, isOpenedByPeer: Bool
    ) -> any Connection {
        guard let recorder else { return connection }
        let ends = ConnectionEnds(
            local: ConnectionEnds.End(.local(of: connection.descriptor)),
            peer: ConnectionEnds.End(.peer(of: connection.descriptor)), security: connection.securityDescription,
            isOpenedByPeer: isOpenedByPeer)
        let stream = recorder.begin(ends)
        return RecordedConnection(connection, stream)
    }

    var unwritten: Int { connection.unwritten }
    var pausedSeconds: Double { connection.pausedSeconds }

    func read(into buffer: UnsafeMutableRawBufferPointer, wait: WaitLimits) throws(TransportError) -> Int {
        do throws(TransportError) {
            let count = try connection.read(into: buffer, wait: wait)
            record(received: count, in: buffer)
            return count
        } catch {
            recordReset(error)
            throw error
        }
    }

    func readAvailable(into buffer: UnsafeMutableRawBufferPointer) throws(TransportError) -> Int? {
        do throws(TransportError) {
            guard let count = try connection.readAvailable(into: buffer) else { return nil }
            record(received: count, in: buffer)
            return count
        } catch {
            recordReset(error)
            throw error
        }
    }

    private func record(received count: Int, in buffer: UnsafeMutableRawBufferPointer) {
        if count > 0 {
            recorder.record(UnsafeRawBufferPointer(rebasing: buffer[..<count]), from: .peer)
        } else if !buffer.isEmpty {
            recorder.end(of: .peer, isReset: false)
        }
    }

    private func recordReset(_ error: TransportError) {
        if error == .reset { recorder.end(of: .peer, isReset: true) }
    }

    /// Records of the bytes what the system has taken: before anything is read that arrives meanwhile, and in the end.
    func write(
        _ bytes: OutgoingBytes, wait: WaitLimits, whileBlocked: (() -> BlockedWrite)?
    ) throws(TransportError) {
        var rest = bytes
        let recordTaken = { [connection] in
            let taken = rest.count - connection.unwritten
            if taken > 0 {
                self.record(rest, count: taken)
                rest.removeFirst(taken)
            }
        }
        let watch = whileBlocked.map { watch in
            {
                recordTaken()
                return watch()
            }
        }
        do throws(TransportError) {
            try connection.write(bytes, wait: wait, whileBlocked: watch)
            recordTaken()
        } catch {
            recordTaken()
            recordReset(error)
            throw error
        }
    }

    private func record(_ bytes: OutgoingBytes, count: Int) {
        let ofMemory = min(count, bytes.memory.count)
        if ofMemory > 0 {
            recorder.record(UnsafeRawBufferPointer(rebasing: bytes.memory[..<ofMemory]), from: .local)
        }
        guard count > ofMemory, let file = bytes.file else { return }
        // They were sent from the cache of the system, where they still are.
        var (offset, left) = (file.offset, count - ofMemory)
        var piece = [UInt8](repeating: 0, count: min(left, Self.pieceLength))
        while left > 0 {
            let wanted = min(left, piece.count)
            piece.withUnsafeMutableBytes { buffer in
                let target = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
                let found = Self.read(file.descriptor, into: target, at: offset)
                // Of a file that was cut meanwhile nobody knows what was sent; but how much.
                if found < wanted {
                    UnsafeMutableRawBufferPointer(rebasing: target[found...])
                        .initializeMemory(as: UInt8.self, repeating: 0)
                }
                recorder.record(UnsafeRawBufferPointer(target), from: .local)
            }
            offset += UInt64(wanted)
            left -= wanted
        }
    }

    private static let pieceLength = 64 * 1024

    /// Reads until the buffer is full or the file ends; returns the number of bytes.
    private static func read(
        _ descriptor: CInt, into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) -> Int {
        var total = 0
        while total < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[total...])
            guard let count = try? FileDescriptor.read(descriptor, into: rest, at: offset + UInt64(total)), count > 0
            else { break }
            total += count
        }
        return total
    }

    func closeWriting() {
        recorder.end(of: .local, isReset: false)
        connection.closeWriting()
    }

    func close() {
        recorder.close()
        connection.close()
    }
}
