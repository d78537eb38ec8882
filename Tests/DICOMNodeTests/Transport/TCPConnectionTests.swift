import Glibc
import System
import TestSupport
import Testing

@testable import DICOMNode

struct TCPConnectionTests {
    private let patience = Loopback.patience

    @Test func `bytes arrive as they were sent`() throws {
        let loopback = try Loopback()
        try loopback.client.write([1, 2, 3], wait: patience)
        #expect(try loopback.server.readBytes(3) == [1, 2, 3])
        try loopback.server.write([4], wait: patience)
        #expect(try loopback.client.readBytes(1) == [4])
    }

    @Test func `both ends know each other's address`() throws {
        let loopback = try Loopback()
        #expect(loopback.client.peerDescription == loopback.server.localDescription)
        #expect(loopback.client.localDescription == loopback.server.peerDescription)
        #expect(loopback.client.peerDescription.hasPrefix("127.0.0.1:"))
        #expect(loopback.client.securityDescription == nil)
        #expect(loopback.client.timings != nil)
    }

    @Test func `reading what is there does not wait`() throws {
        let loopback = try Loopback()
        #expect(try loopback.client.readNow() == nil)
        loopback.server.closeWriting()
        #expect(try loopback.client.readBytes(1) == [])
        #expect(try loopback.client.readNow() == [])
    }

    @Test func `a side that ended its stream can still read`() throws {
        let loopback = try Loopback()
        loopback.client.closeWriting()
        #expect(try loopback.server.readBytes(1) == [])
        try loopback.server.write([9], wait: patience)
        #expect(try loopback.client.readBytes(1) == [9])
    }

    @Test(arguments: [WaitLimits(inactivity: 0), WaitLimits(total: .after(seconds: 0))])
    func `a wait ends when either of its clocks does`(limits: WaitLimits) throws {
        let loopback = try Loopback()
        #expect(throws: TransportError.timedOut(.read)) { try loopback.client.readBytes(1, wait: limits) }
    }

    @Test func `what has arrived is read even when the time is over`() throws {
        let loopback = try Loopback()
        try loopback.server.write([5], wait: patience)
        loopback.server.closeWriting()
        var polled = pollfd(fd: loopback.client.descriptor, events: CShort(POLLIN), revents: 0)
        #expect(poll(&polled, 1, -1) == 1)
        #expect(try loopback.client.readBytes(1, wait: WaitLimits(inactivity: 0)) == [5])
    }

    @Test func `who stays awake reads the same, whether it comes at once, late or never`() throws {
        let loopback = try Loopback()
        var awake = patience
        awake.staysAwake = true
        // Each answer meets the other end while it is awake, asleep, or before it has looked.
        let echo = try Background {
            while case let bytes = try loopback.server.readBytes(1), !bytes.isEmpty {
                if bytes[0] % 7 == 0 { _ = poll(nil, 0, 2) }
                try loopback.server.write(bytes, wait: Loopback.patience)
            }
        }
        for number in 0..<200 {
            try loopback.client.write([UInt8(number)], wait: patience)
            #expect(try loopback.client.readBytes(1, wait: awake) == [UInt8(number)])
        }
        awake.total = .after(seconds: 0)
        #expect(throws: TransportError.timedOut(.read)) { try loopback.client.readBytes(1, wait: awake) }
        loopback.client.closeWriting()
        try echo.value()
    }

    @Test func `a write that the peer does not take times out`() throws {
        let loopback = try Loopback(smallBuffers: true)
        let bytes = [UInt8](repeating: 0, count: Loopback.blockingLength)
        #expect(throws: TransportError.timedOut(.write)) {
            try loopback.client.write(bytes, wait: WaitLimits(inactivity: 0.001))
        }
    }

    @Test func `a reset is told from an orderly end`() throws {
        let loopback = try Loopback()
        loopback.server.closeAbruptly()
        #expect(throws: TransportError.reset) { try loopback.client.readBytes(1) }
    }

    @Test func `a closed connection does nothing more`() throws {
        let loopback = try Loopback()
        loopback.client.close()
        loopback.client.close()
        #expect(throws: TransportError.closed) { try loopback.client.readBytes(1) }
        #expect(throws: TransportError.closed) { try loopback.client.write([1], wait: patience) }
    }

    @Test func `a wait ends when it is cancelled`() throws {
        let loopback = try Loopback()
        let cancellation = try Cancellation()
        let client = loopback.client
        let reading = try Background {
            try client.readBytes(1, wait: WaitLimits(cancellation: cancellation))
        }
        cancellation.raise()
        #expect(throws: TransportError.cancelled) { try reading.value() }
    }

    @Test func `after the graceful step one can wait on until the abort`() throws {
        let loopback = try Loopback()
        let cancellation = try Cancellation()
        cancellation.raise()
        var limits = WaitLimits(cancellation: cancellation, cancelledAt: .abort)
        try loopback.server.write([1], wait: patience)
        #expect(try loopback.client.readBytes(1, wait: limits) == [1])
        cancellation.raise()
        #expect(throws: TransportError.cancelled) { try loopback.client.readBytes(1, wait: limits) }
        limits.cancelledAt = .none
        limits.inactivity = 0
        #expect(throws: TransportError.timedOut(.read)) { try loopback.client.readBytes(1, wait: limits) }
    }

    @Test func `a stream that never pauses is cancelled as well`() throws {
        let loopback = try Loopback()
        let cancellation = try Cancellation()
        try loopback.server.write([1, 2], wait: patience)
        cancellation.raise()
        let limits = WaitLimits(cancellation: cancellation)
        #expect(throws: TransportError.cancelled) { try loopback.client.readBytes(1, wait: limits) }
        #expect(throws: TransportError.cancelled) { try loopback.client.write([1], wait: limits) }
    }
}
