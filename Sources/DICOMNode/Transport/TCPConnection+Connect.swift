import Glibc
package import System

extension TCPConnection {
    /// Looks the host up and tries its addresses in the system's order of preference, IPv6 and IPv4 alike.
    ///
    /// Each address gets an equal share of the time that is left, so that one which swallows everything does not keep
    /// the others from being tried.
    ///
    /// - Throws: The most informative error if all addresses fail, a limit passes or the wait is cancelled.
    package static func connect(
        host: String, port: UInt16, wait: WaitLimits
    ) throws(TransportError) -> TCPConnection {
        let deadline = wait.deadlineFromNow()
        var limits = wait.within(deadline)
        limits.inactivity = nil
        let lookupWatch = Stopwatch()
        let addresses = try HostLookup.addresses(of: host, port: port, wait: limits)
        let lookup = lookupWatch.seconds
        let connectWatch = Stopwatch()
        var worst: TransportError?
        for (index, address) in addresses.enumerated() {
            var share = deadline
            if let left = deadline.secondsLeft {
                share = deadline.earlier(.after(seconds: left / Double(addresses.count - index)))
            }
            do throws(TransportError) {
                let socket = try connect(to: address, wait: limits.within(share))
                let timings = Timings(lookup: lookup, connect: connectWatch.seconds)
                return TCPConnection(owning: socket, peer: address, timings: timings)
            } catch {
                if error == .cancelled { throw error }
                if worst.map({ significance($0) < significance(error) }) ?? true { worst = error }
            }
        }
        throw worst ?? .nameNotFound(host: host, detail: "the name has no address")
    }

    private static func connect(
        to address: SocketAddress, wait: WaitLimits
    ) throws(TransportError) -> FileDescriptor {
        let socket = try makeSocket(for: address)
        let result = address.withPointer { Glibc.connect(socket.rawValue, $0, $1) }
        if result == -1 {
            // An interrupted connect goes on in the background, just as one that would block.
            guard errno == EINPROGRESS || errno == EINTR else { throw connectError(SystemError.last("connect")) }
            _ = try Readiness.wait(
                socket.rawValue, for: .writable, until: wait.total, limits: wait, phase: .connect)
            var failure: CInt = 0
            var length = socklen_t(MemoryLayout<CInt>.size)
            getsockopt(socket.rawValue, SOL_SOCKET, SO_ERROR, &failure, &length)
            guard failure == 0 else { throw connectError(SystemError(errno: failure, operation: "connect")) }
        }
        return socket
    }

    private static func makeSocket(for address: SocketAddress) throws(TransportError) -> FileDescriptor {
        do throws(SystemError) { return try address.makeSocket() } catch { throw connectError(error) }
    }

    private static func connectError(_ error: SystemError) -> TransportError {
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

extension SocketAddress {
    /// A non-blocking TCP socket of this address's family.
    func makeSocket() throws(SystemError) -> FileDescriptor {
        let type = SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
        return FileDescriptor(
            owning: try systemCall("socket") { socket(family, CInt(type), CInt(IPPROTO_TCP)) })
    }
}
