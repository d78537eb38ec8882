import DICOMProtocol
import Glibc
import System

/// A connection on its way from `accept` to its first message, step by step, without a wait and without a thread.
protocol Handshake: AnyObject {
    /// The connection that will be served.
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

/// The first message of a peer, as far as it is waited for here.
package enum FirstMessage: Sendable {
    /// An A-ASSOCIATE-RQ.
    case associateRequest
    /// The head of a request of HTTP/1.
    case httpRequest

    /// A message that is longer goes on in its thread; real requests for an association have some 5 to 20 KB, heads of HTTP less than
    /// one.
    private static let longestAwaited = 64 * 1024
    private static let longestHead = 16 * 1024
    private static let endOfHead: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]

    /// The number of bytes that are looked at.
    fileprivate var lookedAt: Int { self == .associateRequest ? PDU.headerLength : Self.longestHead }

    /// The number of bytes below which nothing can be told.
    fileprivate var shortest: Int { self == .associateRequest ? PDU.headerLength : 1 }

    /// The number of bytes to wait for, after the first ones; zero if what is there is to be served at once: it is all, or it is not
    /// such a message, which is answered there.
    fileprivate func lengthAwaited(after bytes: [UInt8]) -> Int {
        guard bytes.count >= shortest else { return shortest }
        switch self {
        case .associateRequest:
            guard bytes[0] == PDUType.associateRequest.rawValue else { return 0 }
            let length = bytes[2..<PDU.headerLength].reduce(0) { $0 << 8 | Int($1) }
            guard length <= PDULimits.standardMaximumControlLength else { return 0 }
            return min(PDU.headerLength + length, Self.longestAwaited)
        case .httpRequest:
            // The first byte of a method is a letter; TLS, and DICOM, begin with others.
            guard (0x41...0x5A).contains(bytes[0] & 0xDF), bytes.count < Self.longestHead, !Self.endsHead(bytes) else {
                return 0
            }
            return bytes.count + 1
        }
    }

    /// The number of bytes that may be taken beyond those that are awaited, where the system does not count them.
    fileprivate var readAhead: Int { self == .associateRequest ? 0 : 1024 }

    private static func endsHead(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= endOfHead.count else { return false }
        return (0...(bytes.count - endOfHead.count)).contains {
            bytes[$0] == endOfHead[0] && bytes[$0...].starts(with: endOfHead)
        }
    }

    fileprivate var missing: AssociationError {
        self == .associateRequest ? .timedOut(waitingFor: .associateRequest) : .unreachable(.timedOut(.read))
    }
}

/// Over plain TCP the system counts the bytes for us: a socket is ready when the six bytes of a PDU header are there, then when the
/// whole request is (SO_RCVLOWAT); of HTTP, when more bytes are there than before.
final class PlainHandshake: Handshake {
    private let tcp: TCPConnection
    private let awaited: FirstMessage
    private var wanted: Int
    private(set) var hasReceivedBytes = false

    init(_ tcp: TCPConnection, awaiting awaited: FirstMessage) {
        self.tcp = tcp
        self.awaited = awaited
        wanted = awaited.shortest
        tcp.setLowWaterMark(wanted)
    }

    var connection: any Connection { tcp }
    var missing: AssociationError { awaited.missing }

    func advance() throws(AssociationError) -> Readiness? {
        if !hasReceivedBytes || awaited == .httpRequest {
            let bytes = tcp.peek(awaited.lookedAt)
            // Ready without the bytes: the peer has closed.
            guard bytes.count >= wanted else { throw .connectionLost(.closed) }
            wanted = awaited.lengthAwaited(after: bytes)
            if wanted > 0 {
                hasReceivedBytes = true
                tcp.setLowWaterMark(wanted)
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
        private let awaited: FirstMessage
        private(set) var hasReceivedBytes = false
        private var isSecured = false

        init(_ secured: TLSConnection, over tcp: TCPConnection, awaiting awaited: FirstMessage) {
            self.secured = secured
            self.tcp = tcp
            self.awaited = awaited
        }

        var connection: any Connection { secured }

        var missing: AssociationError {
            isSecured ? awaited.missing : .unreachable(.timedOut(.handshake))
        }

        func advance() throws(AssociationError) -> Readiness? {
            do throws(TransportError) {
                if !isSecured {
                    if let wanted = try secured.handshakeStep() { return wanted }
                    isSecured = true
                }
                var length = awaited.shortest
                while true {
                    let (bytes, wanted) = try secured.gather(length + awaited.readAhead)
                    hasReceivedBytes = bytes.count >= awaited.shortest
                    length = awaited.lengthAwaited(after: bytes)
                    if length <= bytes.count { return nil }
                    if let wanted { return wanted }
                }
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
    func handshake(
        over connection: TCPConnection, awaiting awaited: FirstMessage
    ) throws(TransportError) -> any Handshake {
        #if TLS
            TLSHandshake(try TLSConnection(self, over: connection, to: nil), over: connection, awaiting: awaited)
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
