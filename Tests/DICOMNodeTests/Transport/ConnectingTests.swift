import Glibc
import System
import TestSupport
import Testing

@testable import DICOMNode

struct ConnectingTests {
    private let patience = Loopback.patience

    @Test func `a port where nothing listens refuses`() throws {
        var listener: TCPListener? = try TCPListener(port: 0, bind: "127.0.0.1")
        let port = try #require(listener?.port)
        listener = nil
        #expect(throws: TransportError.refused) {
            try TCPConnection.connect(host: "127.0.0.1", port: port, wait: patience)
        }
    }

    @Test func `a name that is none is told from a host that refuses`() {
        let error = #expect(throws: TransportError.self) {
            try TCPConnection.connect(host: "no such host", port: 104, wait: patience)
        }
        guard case .nameNotFound(let host, let detail) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(host == "no such host")
        #expect(!detail.isEmpty && detail == detail.lowercased())
    }

    @Test func `the look-up of a name ends with the deadline`() {
        #expect(throws: TransportError.timedOut(.lookup)) {
            try TCPConnection.connect(host: "localhost.example", port: 104, wait: WaitLimits(total: .after(seconds: 0)))
        }
    }

    @Test func `nothing is tried once it is cancelled`() throws {
        let cancellation = try Cancellation()
        cancellation.raise()
        #expect(throws: TransportError.cancelled) {
            try TCPConnection.connect(host: "127.0.0.1", port: 104, wait: WaitLimits(cancellation: cancellation))
        }
    }

    @Test func `a listener of all interfaces takes IPv4 and IPv6`() throws {
        let listener = try TCPListener(port: 0)
        #expect(listener.port != 0)
        _ = try TCPConnection.connect(host: "127.0.0.1", port: listener.port, wait: patience)
        let accepted = try listener.accept(wait: patience)
        #expect(accepted.peerDescription.hasPrefix("127.0.0.1:"))
        do throws(TransportError) {
            _ = try TCPConnection.connect(host: "::1", port: listener.port, wait: patience)
        } catch {
            // A machine without IPv6.
            guard case .noRoute = error else { throw error }
            return
        }
        #expect(try listener.accept(wait: patience).peerDescription.hasPrefix("[::1]:"))
    }

    @Test func `all addresses of a name are tried`() throws {
        // "localhost" is ::1 and 127.0.0.1 on most machines; only the second one listens.
        let listener = try TCPListener(port: 0, bind: "127.0.0.1")
        let connection = try TCPConnection.connect(host: "localhost", port: listener.port, wait: patience)
        #expect(connection.peerDescription == "127.0.0.1:\(listener.port)")
    }

    @Test func `a port in use is named`() throws {
        let listener = try TCPListener(port: 0)
        #expect(throws: TransportError.portInUse(listener.port)) { try TCPListener(port: listener.port) }
        let one = try TCPListener(port: 0, bind: "127.0.0.1")
        #expect(throws: TransportError.portInUse(one.port)) { try TCPListener(port: one.port, bind: "127.0.0.1") }
    }

    @Test func `an address of another machine cannot be listened at`() {
        #expect(throws: TransportError.addressNotAvailable("192.0.2.1")) {
            try TCPListener(port: 0, bind: "192.0.2.1")
        }
    }

    @Test func `accepting ends with the deadline and with a cancellation`() throws {
        let listener = try TCPListener(port: 0, bind: "127.0.0.1")
        #expect(throws: TransportError.timedOut(.accept)) { try listener.accept(wait: WaitLimits(inactivity: 0)) }
        let cancellation = try Cancellation()
        let accepting = try Background { _ = try listener.accept(wait: WaitLimits(cancellation: cancellation)) }
        cancellation.raise()
        #expect(throws: TransportError.cancelled) { try accepting.value() }
    }

    @Test func `a listener without descriptors waits until there are some again`() async {
        await #expect(processExitsWith: .exitCode(0)) {
            let listener = try TCPListener(port: 0, bind: "127.0.0.1")
            let client = try TCPConnection.connect(
                host: "127.0.0.1", port: listener.port, wait: WaitLimits(total: .after(seconds: 30)))
            var old = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &old)
            var none = rlimit(rlim_cur: 3, rlim_max: old.rlim_max)
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &none)
            #expect(throws: TransportError.timedOut(.accept)) {
                try listener.accept(wait: WaitLimits(total: .after(seconds: 0.2)))
            }
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &old)
            let accepted = try listener.accept(wait: WaitLimits(total: .after(seconds: 30)))
            try client.write([1], wait: WaitLimits(total: .after(seconds: 30)))
            guard try accepted.readBytes(1) == [1] else { exit(1) }
            exit(0)
        }
    }
}
