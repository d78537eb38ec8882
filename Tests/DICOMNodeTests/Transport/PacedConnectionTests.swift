import Glibc
import System
import TestSupport
import Testing

@testable import DICOMNode

/// Bytes that keep to a budget.
struct PacedConnectionTests {
    private let patience = Loopback.patience
    private static let rate = 1e6
    private static let length = 400_000
    /// Of what was not used before, and of the last piece, nothing is waited for.
    private static let shortest = 0.2

    private func limit() -> RateLimit { RateLimit(bytesPerSecond: Self.rate) }

    @Test func `all bytes arrive, and no faster than the limit`() throws {
        let loopback = try Loopback()
        let server = loopback.server
        let bytes = pattern(Self.length)
        let reading = try Background { try server.readBytes(Self.length) }
        let watch = Stopwatch()
        let paced = PacedConnection.over(loopback.client, limit())
        try bytes.withUnsafeBytes { try paced.write($0, wait: patience) }
        #expect(watch.seconds > Self.shortest)
        #expect(paced.pausedSeconds > 0)
        #expect(paced.unwritten == 0)
        #expect(try reading.value() == bytes)
    }

    @Test func `a file that the system sends keeps to it as well`() throws {
        let folder = try TemporaryFolder()
        let bytes = pattern(Self.length)
        try folder.write(bytes, to: "file")
        let file = FileDescriptor(
            owning: try systemCall("open") { folder["file"].withCString { Glibc.open($0, O_RDONLY | O_CLOEXEC) } })
        let loopback = try Loopback()
        let server = loopback.server
        let paced = PacedConnection.over(loopback.client, limit())
        #expect(paced.sendsFiles)
        let reading = try Background { try server.readBytes(5 + Self.length - 10) }
        let watch = Stopwatch()
        let range = FileRange(descriptor: file.rawValue, offset: 10, count: Self.length - 10)
        try paced.write([1, 2, 3, 4, 5], then: range, wait: patience)
        #expect(watch.seconds > Self.shortest)
        #expect(try reading.value() == [1, 2, 3, 4, 5] + bytes[10...])
        _ = consume file
    }

    @Test func `what is read keeps to it`() throws {
        let loopback = try Loopback()
        let client = loopback.client
        let bytes = pattern(Self.length)
        let wait = patience
        let writing = try Background { try client.write(bytes, wait: wait) }
        let watch = Stopwatch()
        let paced = PacedConnection.over(loopback.server, limit())
        #expect(try paced.readBytes(Self.length) == bytes)
        #expect(watch.seconds > Self.shortest)
        try writing.value()
    }

    @Test func `several connections have one budget`() throws {
        let limit = limit()
        let (first, second) = (try Loopback(), try Loopback())
        let half = pattern(Self.length / 2)
        let wait = patience
        let sending = PacedConnection.over(first.client, limit)
        let answering = PacedConnection.over(second.client, limit)
        let receiving = second.server
        let server = first.server
        let watch = Stopwatch()
        let sent = [
            try Background { try sending.write(half, wait: wait) },
            try Background { try answering.write(half, wait: wait) },
        ]
        let received = [
            try Background { try receiving.readBytes(half.count) }, try Background { try server.readBytes(half.count) },
        ]
        for one in sent { try one.value() }
        for one in received { #expect(try one.value() == half) }
        #expect(watch.seconds > Self.shortest)
    }

    @Test func `a short write does not wait`() throws {
        let limit = RateLimit(bytesPerSecond: 1000)
        limit.charge(1_000_000, .sent)
        let loopback = try Loopback()
        try PacedConnection.over(loopback.client, limit).write([1, 2, 3], wait: patience)
        #expect(try loopback.server.readBytes(3) == [1, 2, 3])
    }

    @Test func `what was not sent at a cancellation is known`() throws {
        let limit = RateLimit(bytesPerSecond: 100_000)
        let loopback = try Loopback()
        let cancellation = try Cancellation()
        let paced = PacedConnection.over(loopback.client, limit)
        let writing = try Background { () -> Int in
            do {
                try paced.write(pattern(10_000_000), wait: WaitLimits(cancellation: cancellation))
                return -1
            } catch TransportError.cancelled {
                return paced.unwritten
            }
        }
        #expect(try loopback.server.readBytes(5000).count == 5000)
        cancellation.raise(to: .abort)
        let rest = try writing.value()
        #expect(rest > 0 && rest <= 10_000_000 - 5000)
        loopback.client.close()
        #expect(try loopback.server.readBytes(20_000_000).count == 10_000_000 - 5000 - rest)
    }

    @Test func `without a limit the connection is itself`() throws {
        let loopback = try Loopback()
        #expect(PacedConnection.over(loopback.client, nil) === loopback.client)
        #expect(loopback.client.pausedSeconds == 0)
    }
}
