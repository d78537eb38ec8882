import Glibc
import System
import TestSupport
import Testing

@testable import DICOMNode

/// Connecting to one of several addresses, RFC 8305.
struct ConnectionRaceTests {
    /// A port that takes no more connections and refuses none: what is sent to it is dropped, as by a firewall.
    private final class BlackHole {
        let address: SocketAddress
        private let listener: FileDescriptor
        private var fillers: [TCPFiller] = []

        private final class TCPFiller {
            let socket: FileDescriptor
            init(_ socket: consuming FileDescriptor) { self.socket = socket }
        }

        init() throws {
            var loopback = sockaddr_in()
            loopback.sin_family = sa_family_t(AF_INET)
            loopback.sin_addr.s_addr = inet_addr("127.0.0.1")
            let any = withUnsafePointer(to: &loopback) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    SocketAddress(copying: $0, length: socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            listener = try any.makeSocket()
            let socket = listener.rawValue
            try #require(any.withPointer { bind(socket, $0, $1) } == 0)
            try #require(listen(socket, 0) == 0)
            address = .local(of: socket)
            // The queue has room for one or two.
            for _ in 0..<4 {
                let filler = TCPFiller(try address.makeSocket())
                let number = filler.socket.rawValue
                _ = address.withPointer { Glibc.connect(number, $0, $1) }
                fillers.append(filler)
            }
        }
    }

    private static func address(of listener: TCPListener) throws -> SocketAddress {
        try #require(HostLookup.addresses(of: "127.0.0.1", port: listener.port, wait: WaitLimits()).first)
    }

    @Test func `an address that leads nowhere costs a moment, not a share of the limit`() throws {
        let hole = try BlackHole()
        let listener = try TCPListener(port: 0, bind: "127.0.0.1")
        let live = try Self.address(of: listener)
        // Half of this limit is more than any machine takes for the moment.
        let (limit, watch) = (120.0, Stopwatch())
        var race = ConnectionRace([hole.address, hole.address, live])
        let socket = try race.run(WaitLimits(total: .after(seconds: limit)))
        #expect(SocketAddress.peer(of: socket.rawValue).port == listener.port)
        #expect(watch.seconds < limit / 4)
    }

    @Test func `an address that refuses is followed by the next`() throws {
        var closed: TCPListener? = try TCPListener(port: 0, bind: "127.0.0.1")
        let refusing = try Self.address(of: #require(closed))
        closed = nil
        let listener = try TCPListener(port: 0, bind: "127.0.0.1")
        var race = ConnectionRace([refusing, try Self.address(of: listener)])
        let socket = try race.run(WaitLimits(total: .after(seconds: 60)))
        #expect(SocketAddress.peer(of: socket.rawValue).port == listener.port)
        var lost = ConnectionRace([refusing, refusing])
        #expect(throws: TransportError.refused) { _ = try lost.run(WaitLimits(total: .after(seconds: 60))) }
    }

    @Test func `the limit ends a race that nobody wins, and a cancellation does`() throws {
        let hole = try BlackHole()
        var race = ConnectionRace([hole.address, hole.address])
        #expect(throws: TransportError.timedOut(.connect)) {
            _ = try race.run(WaitLimits(total: .after(seconds: 0.4)))
        }
        let cancellation = try Cancellation()
        let stopper = try PosixThread(name: "stop") { cancellation.raise() }
        defer { stopper.join() }
        var cancelled = ConnectionRace([hole.address])
        #expect(throws: TransportError.cancelled) {
            _ = try cancelled.run(WaitLimits(cancellation: cancellation))
        }
    }

    @Test func `the families take turns, beginning with the system's choice`() throws {
        let four = try HostLookup.addresses(of: "127.0.0.1", port: 1, wait: WaitLimits())[0]
        let six = try HostLookup.addresses(of: "::1", port: 1, wait: WaitLimits())[0]
        let order = ConnectionRace.interlaced([six, six, six, four, four]).map(\.family)
        #expect(order == [AF_INET6, AF_INET, AF_INET6, AF_INET, AF_INET6])
        #expect(ConnectionRace.interlaced([four, six]).map(\.family) == [AF_INET, AF_INET6])
        #expect(ConnectionRace.interlaced([]).isEmpty)
    }
}
