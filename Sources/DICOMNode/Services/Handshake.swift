import DICOMProtocol
import Glibc
import System

/// A connection on its way from `accept` to its A-ASSOCIATE-RQ, step by step, without a wait and without a thread.
protocol Handshake: AnyObject {
    /// The connection that will carry the association.
    var connection: any Connection { get }
    /// True if the peer has sent bytes, and all of them are valid so far.
    var hasReceivedBytes: Bool { get }
    /// The error if the next bytes have not come when the limit passes.
    var missing: AssociationError { get }

    /// Does what can be done now; returns what the next step waits for, nil when the request, or whatever the peer has
    /// sent in its place, is all there.
    ///
    /// - Throws: `connectionLost` if the peer has gone, `unreachable` if the TLS handshake fails.
    func advance() throws(AssociationError) -> Readiness?
}

/// The first PDU of a peer, as far as it is waited for here.
enum FirstPDU {
    /// A request that is longer goes on in its thread; real ones have some 5 to 20 KB.
    private static let awaitedLength = 64 * 1024

    /// The number of bytes to wait for; zero if the PDU is no request, which the state machine answers at once.
    static func lengthAwaited(after header: [UInt8]) -> Int {
        guard header.count >= PDU.headerLength else { return PDU.headerLength }
        guard header[0] == PDUType.associateRequest.rawValue else { return 0 }
        let length = header[2..<PDU.headerLength].reduce(0) { $0 << 8 | Int($1) }
        guard length <= PDULimits.standardMaximumControlLength else { return 0 }
        return min(PDU.headerLength + length, awaitedLength)
    }
}

/// Over plain TCP the system counts the bytes for us: a socket is ready when the six bytes of a PDU header are there,
/// then when the whole request is (SO_RCVLOWAT).
final class PlainHandshake: Handshake {
    private let tcp: TCPConnection
    private(set) var hasReceivedBytes = false

    init(_ tcp: TCPConnection) {
        self.tcp = tcp
        tcp.setLowWaterMark(PDU.headerLength)
    }

    var connection: any Connection { tcp }
    var missing: AssociationError { .timedOut(waitingFor: .associateRequest) }

    func advance() throws(AssociationError) -> Readiness? {
        if !hasReceivedBytes {
            let header = tcp.peek(PDU.headerLength)
            // Ready without a whole header: the peer has closed.
            guard header.count == PDU.headerLength else { throw .connectionLost(.closed) }
            let awaited = FirstPDU.lengthAwaited(after: header)
            if awaited > 0 {
                hasReceivedBytes = true
                tcp.setLowWaterMark(awaited)
                return .readable
            }
        }
        tcp.setLowWaterMark(1)
        return nil
    }
}

#if TLS
    /// Over TLS first the handshake, then the request, which is read ahead: the socket cannot tell how much of it is
    /// there.
    final class TLSHandshake: Handshake {
        private let secured: TLSConnection
        private let tcp: TCPConnection
        private(set) var hasReceivedBytes = false
        private var isSecured = false

        init(_ secured: TLSConnection, over tcp: TCPConnection) {
            self.secured = secured
            self.tcp = tcp
        }

        var connection: any Connection { secured }

        var missing: AssociationError {
            isSecured ? .timedOut(waitingFor: .associateRequest) : .unreachable(.timedOut(.handshake))
        }

        func advance() throws(AssociationError) -> Readiness? {
            do throws(TransportError) {
                if !isSecured {
                    if let wanted = try secured.handshakeStep() { return wanted }
                    isSecured = true
                }
                let (header, wanted) = try secured.gather(PDU.headerLength)
                if let wanted { return wanted }
                hasReceivedBytes = true
                return try secured.gather(FirstPDU.lengthAwaited(after: header)).wanted
            } catch {
                throw isSecured ? .connectionLost(error) : .unreachable(error)
            }
        }
    }
#endif

extension TLSContext {
    /// The handshake over a connection that was accepted: done step by step as the peer answers.
    ///
    /// - Throws: `.tls` if there is no session to be had.
    func handshake(over connection: TCPConnection) throws(TransportError) -> any Handshake {
        #if TLS
            TLSHandshake(try TLSConnection(self, over: connection, host: nil), over: connection)
        #else
            throw .tls(TLSError(.notAvailable, "this program was built without TLS"))
        #endif
    }
}

extension TCPConnection {
    /// The socket counts as readable when so many bytes are there, or when no more will come.
    fileprivate func setLowWaterMark(_ count: Int) {
        var count = CInt(clamping: count)
        // If the system refuses the option, connections are only checked earlier.
        setsockopt(descriptor, SOL_SOCKET, SO_RCVLOWAT, &count, socklen_t(MemoryLayout<CInt>.size))
    }

    private static let peeking = CInt(MSG_PEEK)

    /// The first bytes that have arrived, at most so many, which are not taken.
    fileprivate func peek(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            var result = recv(descriptor, buffer.baseAddress, count, Self.peeking)
            while result == -1, errno == EINTR {
                result = recv(descriptor, buffer.baseAddress, count, Self.peeking)
            }
            initialized = max(result, 0)
        }
    }
}
