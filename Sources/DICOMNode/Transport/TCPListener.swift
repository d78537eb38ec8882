import Glibc
package import System

/// Waits for connections at a port: of all interfaces by IPv6 and IPv4 at once, or of one address.
package final class TCPListener: Sendable {
    private let socket: FileDescriptor
    /// The port listened at, also where the system chose it.
    package let port: UInt16
    /// The address listened at, in numbers.
    package let localDescription: String

    /// Connections that wait to be accepted; the system has its own, lower limit.
    private static let backlog: CInt = 128

    /// Listens at a port.
    ///
    /// - Parameter port: Zero lets the system choose.
    /// - Parameter bind: An address or name of this machine; nil is all interfaces, IPv6 and IPv4, or IPv4 alone if
    ///   there is no IPv6.
    /// - Parameter wait: how long the name may be looked up.
    /// - Throws: `TransportError` if the name is unknown or the wait ends, or the port is in use, not permitted or not of this
    ///   machine.
    package init(port: UInt16, bind: String? = nil, wait: WaitLimits = .unlimited) throws(TransportError) {
        var candidates = [
            SocketAddress.any(family: AF_INET6, port: port), SocketAddress.any(family: AF_INET, port: port),
        ]
        if let bind { candidates = try HostLookup.addresses(of: bind, port: port, wait: wait) }
        var first: TransportError?
        for address in candidates {
            do throws(SystemError) {
                let socket = try Self.listen(at: address)
                let local = SocketAddress.local(of: socket.rawValue)
                self.port = local.port
                localDescription = local.description
                self.socket = socket
                return
            } catch {
                let failure = Self.listenError(error, port: port, address: bind ?? address.host)
                // A port that is taken or not allowed is so for IPv4, too; trying on would only hide half of it.
                if bind == nil, error.errno == EADDRINUSE || error.errno == EACCES { throw failure }
                first = first ?? failure
            }
        }
        throw first ?? .addressNotAvailable(bind ?? "")
    }

    /// Readable when a connection waits.
    package var descriptor: CInt { socket.rawValue }

    package enum Waiting {
        case connection(TCPConnection)
        /// No connection is waiting now.
        case none
        /// Somebody waits, but the process or the system has no descriptor or memory left.
        case exhausted
        /// The listener itself does not work any more.
        case unusable
    }

    /// Takes the next connection that waits already.
    package func acceptWaiting() -> Waiting {
        while true {
            let (descriptor, peer) = SocketAddress.filled { Glibc.accept(socket.rawValue, $0, $1) }
            if descriptor != -1 {
                let accepted = FileDescriptor(owning: descriptor)
                do throws(SystemError) {
                    try FileDescriptor.setNonBlockingAndCloseOnExec(descriptor)
                } catch {
                    continue
                }
                return .connection(TCPConnection(owning: accepted, peer: peer))
            }
            switch errno {
            case EAGAIN: return .none
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted
            case EBADF, EINVAL, ENOTSOCK, EOPNOTSUPP, EFAULT: return .unusable
            default: continue
            }
        }
    }

    private static func listen(at address: SocketAddress) throws(SystemError) -> FileDescriptor {
        let socket = try address.makeSocket()
        var on: CInt = 1
        var off: CInt = 0
        let size = socklen_t(MemoryLayout<CInt>.size)
        // A port whose last connections still linger can be listened at again at once.
        _ = try systemCall("setsockopt") { setsockopt(socket.rawValue, SOL_SOCKET, SO_REUSEADDR, &on, size) }
        if address.family == AF_INET6 {
            _ = try systemCall("setsockopt") {
                setsockopt(socket.rawValue, CInt(IPPROTO_IPV6), IPV6_V6ONLY, &off, size)
            }
        }
        _ = try systemCall("bind") { address.withPointer { Glibc.bind(socket.rawValue, $0, $1) } }
        _ = try systemCall("listen") { Glibc.listen(socket.rawValue, backlog) }
        return socket
    }

    private static func listenError(_ error: SystemError, port: UInt16, address: String) -> TransportError {
        switch error.errno {
        case EADDRINUSE: .portInUse(port)
        case EACCES: .portNotPermitted(port)
        case EADDRNOTAVAIL: .addressNotAvailable(address)
        default: .system(error)
        }
    }
}
