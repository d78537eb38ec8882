import Glibc
import System

/// Connecting to one of several addresses, as RFC 8305 has it: the next one is tried when one has failed, or has not answered for
/// a moment, and the first that answers wins. An address that leads nowhere costs that moment.
struct ConnectionRace {
    /// A connection that is being opened.
    private final class Attempt {
        var socket: FileDescriptor?
        let descriptor: CInt

        init(_ socket: consuming FileDescriptor) {
            descriptor = socket.rawValue
            self.socket = consume socket
        }
    }

    /// The connection attempt delay, RFC 8305 5.
    static let delay = Duration.milliseconds(250)

    private var waiting: ArraySlice<SocketAddress>
    private var attempts: [Attempt] = []
    private var error: TransportError?

    /// - Parameter addresses: in the system's order of preference.
    init(_ addresses: [SocketAddress]) { waiting = Self.interlaced(addresses)[...] }

    /// The two families in turn, beginning with that of the first address, RFC 8305 4.
    static func interlaced(_ addresses: [SocketAddress]) -> [SocketAddress] {
        let first = addresses.filter { $0.family == addresses[0].family }
        let second = addresses.filter { $0.family != addresses[0].family }
        return (0..<max(first.count, second.count)).flatMap { index in
            [first, second].compactMap { index < $0.count ? $0[index] : nil }
        }
    }

    /// - Throws: The most informative error if all addresses fail, a limit passes or the wait is cancelled.
    mutating func run(_ limits: WaitLimits) throws(TransportError) -> FileDescriptor {
        var next = Deadline.now
        while true {
            if attempts.isEmpty || next.isPast, let address = waiting.popFirst() {
                if let socket = begin(address) { return socket }
                next = attempts.isEmpty ? .now : .after(Self.delay)
                continue
            }
            guard !attempts.isEmpty else { throw error ?? .noRoute(detail: "the name has no address") }
            let until = waiting.isEmpty ? limits.total : next.earlier(limits.total)
            do throws(WaitError) {
                let ready = try Readiness.waitForAny(
                    of: attempts.map(\.descriptor), for: .writable, until: until, limits: limits)
                for index in ready.reversed() {
                    if let socket = end(attempts.remove(at: index)) { return socket }
                    next = .now
                }
            } catch {
                guard error == .timedOut else { throw TransportError(error, .connect) }
                guard !limits.total.isPast else {
                    note(.timedOut(.connect))
                    throw self.error ?? .timedOut(.connect)
                }
            }
        }
    }

    /// Begins to connect; returns the socket if it is connected at once.
    private mutating func begin(_ address: SocketAddress) -> FileDescriptor? {
        do throws(SystemError) {
            let socket = try address.makeSocket()
            if address.withPointer({ Glibc.connect(socket.rawValue, $0, $1) }) == 0 { return socket }
            // An interrupted connect goes on in the background, just as one that would block.
            guard errno == EINPROGRESS || errno == EINTR else { throw SystemError.last("connect") }
            attempts.append(Attempt(socket))
        } catch {
            note(Self.problem(error))
        }
        return nil
    }

    /// Returns the socket of an attempt that has ended well.
    private mutating func end(_ attempt: Attempt) -> FileDescriptor? {
        var failure: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        getsockopt(attempt.descriptor, SOL_SOCKET, SO_ERROR, &failure, &length)
        guard failure != 0 else { return attempt.socket.take() }
        note(Self.problem(SystemError(errno: failure, operation: "connect")))
        return nil
    }

    private mutating func note(_ problem: TransportError) {
        if error.map({ Self.significance($0) < Self.significance(problem) }) ?? true { error = problem }
    }

    private static func problem(_ error: SystemError) -> TransportError {
        switch error.errno {
        case ECONNREFUSED: .refused
        case ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH, EADDRNOTAVAIL, EAFNOSUPPORT: .noRoute(detail: error.reason)
        case ETIMEDOUT: .timedOut(.connect)
        case ECONNRESET, ECONNABORTED: .reset
        default: .system(error)
        }
    }

    /// A host that answered says more than one that did not, and that says more than a missing route: a machine
    /// without IPv6 has none to any IPv6 address.
    private static func significance(_ error: TransportError) -> Int {
        switch error {
        case .refused, .reset: 3
        case .timedOut: 2
        case .system: 1
        default: 0
        }
    }
}
