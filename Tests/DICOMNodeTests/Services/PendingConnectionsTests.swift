import DICOMProtocol
import System
import TestSupport
import Testing

@testable import DICOMNode

struct PendingConnectionsTests {
    /// Pending connections at a port of their own, and what becomes of them.
    private final class Port: Sendable {
        let number: UInt16
        let handedOver = ConditionLock<[any Connection]>([])
        let closed = ConditionLock<[AssociationError?]>([])
        private let over: Cancellation
        private let thread: Background<Void>

        /// - Parameter refusals: how often handing over fails before it succeeds.
        init(limit: Double, refusals: Int = 0, awaiting: FirstMessage = .associateRequest) throws {
            let listener = try TCPListener(port: 0, bind: "127.0.0.1")
            let over = try Cancellation()
            number = listener.port
            self.over = over
            thread = try Background { [handedOver, closed] in
                var left = refusals
                var pending = PendingConnections(
                    listener: listener, cancellation: over, awaiting: awaiting, limit: limit, tls: nil,
                    handOver: { connection in
                        left -= 1
                        guard left < 0 else { return false }
                        handedOver.withLock { $0.append(connection) }
                        return true
                    }, onClosed: { _, error in closed.withLock { $0.append(error) } })
                pending.run()
            }
        }

        func connect() throws -> TCPConnection {
            try TCPConnection.connect(host: "127.0.0.1", port: number, wait: Loopback.patience)
        }

        func stop() throws {
            over.raise(to: .abort)
            try thread.value()
        }

        func waitForHandOver() -> Bool { handedOver.wait(until: .after(.seconds(20))) { !$0.isEmpty } }
    }

    @Test func `a connection is handed over once its request is there, and none of it was taken`() throws {
        let port = try Port(limit: 20)
        let connection = try port.connect()
        let request = Receiving.request()
        try connection.write(Array(request.dropLast()), wait: Loopback.patience)
        #expect(!port.handedOver.wait(until: .after(.milliseconds(100))) { !$0.isEmpty })
        try connection.write(Array(request.suffix(1)), wait: Loopback.patience)
        #expect(port.waitForHandOver())
        let accepted = try #require(port.handedOver.withLock { $0 }.first)
        #expect(try accepted.readBytes(request.count) == request)
        try port.stop()
    }

    @Test func `a connection that sends nothing is closed at the limit`() throws {
        let port = try Port(limit: 0.1)
        let connection = try port.connect()
        #expect(try connection.readBytes(1).isEmpty)
        #expect(port.closed.wait(until: .after(.seconds(20))) { !$0.isEmpty })
        guard case .timedOut(waitingFor: .associateRequest)?? = port.closed.withLock({ $0 }).first else {
            Issue.record("\(port.closed.withLock { $0 })")
            return
        }
        try port.stop()
    }

    @Test func `a peer that sends is served although many say nothing`() throws {
        let port = try Port(limit: 20)
        let silent = try (0..<40).map { _ in try port.connect() }
        let connection = try port.connect()
        try connection.write(Receiving.request(), wait: Loopback.patience)
        #expect(port.waitForHandOver())
        #expect(port.closed.withLock { $0 }.isEmpty)
        for connection in silent { connection.close() }
        try port.stop()
    }

    @Test func `bytes that are no request are handed over at once`() throws {
        let port = try Port(limit: 20)
        let connection = try port.connect()
        try connection.write(Array("GET / HTTP/1.1".utf8), wait: Loopback.patience)
        #expect(port.waitForHandOver())
        try port.stop()
    }

    @Test func `a request of HTTP is handed over once its head is there, a byte at a time`() throws {
        let port = try Port(limit: 20, awaiting: .httpRequest)
        let connection = try port.connect()
        let head = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        for byte in head.dropLast() { try connection.write([byte], wait: Loopback.patience) }
        #expect(!port.handedOver.wait(until: .after(.milliseconds(100))) { !$0.isEmpty })
        try connection.write(Array(head.suffix(1)), wait: Loopback.patience)
        #expect(port.waitForHandOver())
        let accepted = try #require(port.handedOver.withLock { $0 }.first)
        #expect(try accepted.readBytes(head.count) == head)
        try port.stop()
    }

    @Test(arguments: [[0x16, 0x03, 0x01], Array("GET /".utf8) + [UInt8](repeating: 0x61, count: 20_000)])
    func `what is no head of HTTP, or has no end, is handed over to be refused`(bytes: [UInt8]) throws {
        let port = try Port(limit: 20, awaiting: .httpRequest)
        let connection = try port.connect()
        try connection.write(bytes, wait: Loopback.patience)
        #expect(port.waitForHandOver())
        try port.stop()
    }

    @Test func `a client that goes away in the head of its request is forgotten`() throws {
        let port = try Port(limit: 20, awaiting: .httpRequest)
        let connection = try port.connect()
        try connection.write(Array("GET / HTTP/1.1\r\nHost:".utf8), wait: Loopback.patience)
        connection.close()
        #expect(port.closed.wait(until: .after(.seconds(20))) { !$0.isEmpty })
        guard case .connectionLost?? = port.closed.withLock({ $0 }).first else {
            Issue.record("\(port.closed.withLock { $0 })")
            return
        }
        try port.stop()
    }

    @Test func `a connection waits while it cannot be handed over`() throws {
        let port = try Port(limit: 20, refusals: 3)
        let connection = try port.connect()
        try connection.write(Receiving.request(), wait: Loopback.patience)
        #expect(port.waitForHandOver())
        #expect(port.closed.withLock { $0 }.isEmpty)
        try port.stop()
    }

    @Test func `a cancellation closes all that wait`() throws {
        let port = try Port(limit: 20)
        let connections = try (0..<3).map { _ in try port.connect() }
        try port.stop()
        // Closed after it was accepted, or reset with the listener before.
        for connection in connections {
            do throws(TransportError) {
                #expect(try connection.readOne(wait: Loopback.patience) == 0)
            } catch {
                #expect(error == .reset)
            }
        }
        #expect(port.closed.withLock { $0 }.isEmpty)
    }
}

extension TCPConnection {
    /// Reads at most one byte.
    fileprivate func readOne(wait: WaitLimits) throws(TransportError) -> Int {
        var byte: UInt8 = 0
        var result: Result<Int, TransportError> = .success(0)
        withUnsafeMutableBytes(of: &byte) { buffer in
            result = Result { () throws(TransportError) in try read(into: buffer, wait: wait) }
        }
        return try result.get()
    }
}
