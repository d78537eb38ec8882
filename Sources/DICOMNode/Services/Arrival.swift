import DICOMProtocol
import Glibc

/// A connection on its way from `accept` to its A-ASSOCIATE-RQ, step by step, without a wait and without a thread.
protocol Arrival: AnyObject {
    /// What will carry the association.
    var connection: any Connection { get }
    /// The peer has said something that makes sense so far.
    var hasSpoken: Bool { get }
    /// What has not come when the limit passes.
    var awaited: AssociationError { get }

    /// Does what can be done now: what the next step waits for, or nil when the request, or whatever the peer has sent in its
    /// place, is all there.
    func proceed() throws(AssociationError) -> Readiness?
}

/// How much of what a peer says first is waited for.
enum ArrivingRequest {
    /// A request that is longer goes on in its thread; real ones have some 5 to 20 KB.
    private static let awaitedLength = 64 * 1024

    /// The bytes that have to be there before anybody looks at them again; zero: now, for the state machine answers what is no
    /// request.
    static func lengthAwaited(after header: [UInt8]) -> Int {
        guard header.count >= PDU.headerLength else { return PDU.headerLength }
        guard header[0] == PDUType.associateRequest.rawValue else { return 0 }
        let length = header[2..<PDU.headerLength].reduce(0) { $0 << 8 | Int($1) }
        guard length <= PDULimits.standardMaximumControlLength else { return 0 }
        return min(PDU.headerLength + length, awaitedLength)
    }
}

/// Over plain TCP the system counts the bytes for us: a socket is ready when the six bytes of a PDU header are there, then when
/// the whole request is (SO_RCVLOWAT).
final class PlainArrival: Arrival {
    private let tcp: TCPConnection
    private(set) var hasSpoken = false

    init(_ tcp: TCPConnection) {
        self.tcp = tcp
        tcp.setLowWaterMark(PDU.headerLength)
    }

    var connection: any Connection { tcp }
    var awaited: AssociationError { .timedOut(waitingFor: .associateRequest) }

    func proceed() throws(AssociationError) -> Readiness? {
        if !hasSpoken {
            let header = tcp.peek(PDU.headerLength)
            // Ready without a whole header: the peer has closed.
            guard header.count == PDU.headerLength else { throw .connectionLost(.closed) }
            let awaited = ArrivingRequest.lengthAwaited(after: header)
            if awaited > 0 {
                hasSpoken = true
                tcp.setLowWaterMark(awaited)
                return .readable
            }
        }
        tcp.setLowWaterMark(1)
        return nil
    }
}

#if TLS
    /// Over TLS first the handshake, then the request, which is read ahead: the socket cannot tell how much of it is there.
    final class SecuredArrival: Arrival {
        private let secured: TLSConnection
        private let tcp: TCPConnection
        private(set) var hasSpoken = false
        private var isSecured = false

        init(_ secured: TLSConnection, over tcp: TCPConnection) {
            self.secured = secured
            self.tcp = tcp
        }

        var connection: any Connection { secured }

        var awaited: AssociationError {
            isSecured ? .timedOut(waitingFor: .associateRequest) : .unreachable(.timedOut(.handshake))
        }

        func proceed() throws(AssociationError) -> Readiness? {
            do throws(TransportError) {
                if !isSecured {
                    if let wanted = try secured.handshakeStep() { return wanted }
                    isSecured = true
                }
                let (header, wanted) = try secured.gather(PDU.headerLength)
                if let wanted { return wanted }
                hasSpoken = true
                return try secured.gather(ArrivingRequest.lengthAwaited(after: header)).wanted
            } catch {
                throw isSecured ? .connectionLost(error) : .unreachable(error)
            }
        }
    }
#endif

extension TCPConnection {
    /// The socket counts as readable when so many bytes are there, or when no more will come.
    fileprivate func setLowWaterMark(_ count: Int) {
        var count = CInt(clamping: count)
        // Where the system refuses, a connection is only looked at earlier.
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
