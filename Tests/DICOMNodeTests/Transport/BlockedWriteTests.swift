import Glibc
import System
import TestSupport
import Testing

@testable import DICOMNode

/// What a writer hears while the peer does not read.
struct BlockedWriteTests {
    private let patience = Loopback.patience
    private static let length = Loopback.blockingLength

    /// From the thread that writes to the one that reads.
    private final class Signal: Sendable {
        let wakeUp: FileDescriptor.WakeUp

        init() throws { wakeUp = try FileDescriptor.WakeUp() }
    }

    @Test func `what the peer sends can be read, and the write given up`() throws {
        let loopback = try Loopback(smallBuffers: true)
        try loopback.server.write([7, 8], wait: patience)
        var heard: [UInt8] = []
        let bytes = [UInt8](repeating: 0, count: Self.length)
        #expect(throws: TransportError.abandoned) {
            try bytes.withUnsafeBytes {
                try loopback.client.write(OutgoingBytes($0), wait: patience) {
                    heard += (try? loopback.client.readNow()) ?? []
                    return .abandon
                }
            }
        }
        #expect(heard == [7, 8])
    }

    @Test func `a peer that reads only after it was heard gets everything`() throws {
        let loopback = try Loopback(smallBuffers: true)
        let server = loopback.server
        try server.write([1], wait: patience)
        let wasHeard = try Signal()
        let reader = wasHeard.wakeUp.descriptor.rawValue
        let bytes = pattern(Self.length)
        let reading = try Background { () -> Bool in
            var polled = pollfd(fd: reader, events: CShort(POLLIN), revents: 0)
            guard poll(&polled, 1, 30_000) == 1 else { return false }
            return try server.readBytes(Self.length) == bytes
        }
        try bytes.withUnsafeBytes {
            try loopback.client.write(OutgoingBytes($0), wait: patience) {
                if (try? loopback.client.readNow()) == [1] {
                    wasHeard.wakeUp.wake()
                }
                return .keepWatching
            }
        }
        #expect(try reading.value())
        withExtendedLifetime(wasHeard) {}
    }

    @Test func `a peer that ended its stream is heard once and still written to`() throws {
        let loopback = try Loopback(smallBuffers: true)
        let server = loopback.server
        server.closeWriting()
        var calls = 0
        let bytes = pattern(Self.length)
        let started = try Signal()
        let reader = started.wakeUp.descriptor.rawValue
        let reading = try Background { () -> Bool in
            var polled = pollfd(fd: reader, events: CShort(POLLIN), revents: 0)
            guard poll(&polled, 1, 30_000) == 1 else { return false }
            return try server.readBytes(Self.length) == bytes
        }
        try bytes.withUnsafeBytes {
            try loopback.client.write(OutgoingBytes($0), wait: patience) {
                calls += 1
                started.wakeUp.wake()
                return .stopWatching
            }
        }
        #expect(try reading.value())
        #expect(calls == 1)
        withExtendedLifetime(started) {}
    }

    @Test func `a blocked write is cancelled`() throws {
        let loopback = try Loopback(smallBuffers: true)
        let cancellation = try Cancellation()
        let client = loopback.client
        let writing = try Background {
            try client.write([UInt8](repeating: 0, count: Self.length), wait: WaitLimits(cancellation: cancellation))
        }
        cancellation.raise(to: .abort)
        #expect(throws: TransportError.cancelled) { try writing.value() }
    }

    @Test func `a peer that is gone ends the write`() throws {
        let loopback = try Loopback(smallBuffers: true)
        loopback.server.closeAbruptly()
        #expect(throws: TransportError.reset) {
            try loopback.client.write([UInt8](repeating: 0, count: Self.length), wait: patience)
        }
    }
}
