import Glibc
import System
import TestSupport
import Testing

@testable import DICOMNode

/// Bytes that are sent from a file without being read.
struct FileSendingTests {
    private let patience = Loopback.patience
    private static let length = Loopback.blockingLength
    private static let head: [UInt8] = [1, 2, 3, 4, 5]

    /// An open file with these bytes.
    private func open(_ bytes: [UInt8], in folder: TemporaryFolder, flags: CInt = O_RDONLY) throws -> FileDescriptor {
        try folder.write(bytes, to: "file")
        return try open(folder["file"], flags: flags)
    }

    private func open(_ path: FilePath, flags: CInt = O_RDONLY) throws -> FileDescriptor {
        FileDescriptor(owning: try systemCall("open") { path.withCString { Glibc.open($0, flags | O_CLOEXEC) } })
    }

    private func write(
        _ range: FileRange, to connection: TCPConnection, wait: WaitLimits? = nil,
        whileBlocked: (() -> BlockedWrite)? = nil
    ) throws {
        try Self.head.withUnsafeBytes {
            try connection.write(OutgoingBytes($0, then: range), wait: wait ?? patience, whileBlocked: whileBlocked)
        }
    }

    @Test(arguments: [0, 1, 4096, 5000]) func `what stands before the file arrives first, and then its bytes`(
        _ offset: Int
    ) throws {
        let folder = try TemporaryFolder()
        let bytes = pattern(Self.length)
        let file = try open(bytes, in: folder)
        let loopback = try Loopback(smallBuffers: true)
        let server = loopback.server
        let count = Self.length - offset - 7
        let reading = try Background { try server.readBytes(Self.head.count + count) }
        try write(FileRange(descriptor: file.rawValue, offset: UInt64(offset), count: count), to: loopback.client)
        #expect(try reading.value() == Self.head + bytes[offset..<offset + count])
        #expect(loopback.client.unwritten == 0)
    }

    @Test func `a file that ends before its range does is told, with what has not left`() throws {
        let folder = try TemporaryFolder()
        let file = try open(pattern(1000), in: folder)
        let loopback = try Loopback()
        #expect(throws: TransportError.file(.ended)) {
            try write(FileRange(descriptor: file.rawValue, offset: 400, count: 1000), to: loopback.client)
        }
        #expect(loopback.client.unwritten == 400)
    }

    @Test func `a file that cannot be read is told as that`() throws {
        let folder = try TemporaryFolder()
        let file = try open(pattern(1000), in: folder, flags: O_WRONLY)
        let loopback = try Loopback()
        #expect(throws: TransportError.file(.unreadable(SystemError(errno: EBADF, operation: "read")))) {
            try write(FileRange(descriptor: file.rawValue, offset: 0, count: 1000), to: loopback.client)
        }
    }

    @Test func `a file that the system does not send by itself arrives all the same`() throws {
        // The kernel offers no sendfile for what a process was given at its start.
        let path = FilePath("/proc/self/auxv")
        let folder = try TemporaryFolder()
        let bytes = try folder.read(path)
        let file = try open(path)
        let loopback = try Loopback()
        try write(FileRange(descriptor: file.rawValue, offset: 16, count: bytes.count - 16), to: loopback.client)
        #expect(try loopback.server.readBytes(Self.head.count + bytes.count - 16) == Self.head + bytes[16...])
    }

    @Test func `what was cancelled in the middle of a file can be brought to its end`() throws {
        let folder = try TemporaryFolder()
        let bytes = pattern(Self.length)
        let file = try open(bytes, in: folder)
        let loopback = try Loopback(smallBuffers: true)
        let (client, server) = (loopback.client, loopback.server)
        let cancellation = try Cancellation()
        let range = FileRange(descriptor: file.rawValue, offset: 0, count: bytes.count)
        let writing = try Background { () -> Int in
            do {
                try write(range, to: client, wait: WaitLimits(cancellation: cancellation))
                return -1
            } catch TransportError.cancelled {
                return client.unwritten
            }
        }
        // Something of it has left by then, and not all of it can.
        #expect(try server.readBytes(1) == [1])
        cancellation.raise(to: .abort)
        let rest = try writing.value()
        try #require(rest > 0 && rest < Self.head.count + bytes.count)
        let reading = try Background { try server.readBytes(Self.head.count + bytes.count - 1) }
        try Self.head.withUnsafeBytes {
            var unsent = OutgoingBytes($0, then: range)
            unsent.removeFirst(unsent.count - rest)
            try client.write(unsent, wait: patience, whileBlocked: nil)
        }
        #expect(try reading.value() == Self.head[1...] + bytes)
        _ = consume file
    }

    @Test func `what the peer says meanwhile is heard, and the file given up`() throws {
        let folder = try TemporaryFolder()
        let file = try open([UInt8](repeating: 0, count: Self.length), in: folder)
        let loopback = try Loopback(smallBuffers: true)
        try loopback.server.write([7, 8], wait: patience)
        var heard: [UInt8] = []
        let range = FileRange(descriptor: file.rawValue, offset: 0, count: Self.length)
        #expect(throws: TransportError.abandoned) {
            try write(range, to: loopback.client) {
                heard += (try? loopback.client.readNow()) ?? []
                return .abandon
            }
        }
        #expect(heard == [7, 8])
    }

    @Test func `a peer that takes nothing is waited for no longer than the limit`() throws {
        let folder = try TemporaryFolder()
        let file = try open([UInt8](repeating: 0, count: Self.length), in: folder)
        let loopback = try Loopback(smallBuffers: true)
        let range = FileRange(descriptor: file.rawValue, offset: 0, count: Self.length)
        #expect(throws: TransportError.timedOut(.write)) {
            try write(range, to: loopback.client, wait: WaitLimits(inactivity: 0.1))
        }
    }

    @Test func `a peer that is gone is an error and not the end of the process`() async throws {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            try folder.write([UInt8](repeating: 0, count: Loopback.blockingLength), to: "file")
            let file = FileDescriptor(
                owning: try systemCall("open") { folder["file"].withCString { Glibc.open($0, O_RDONLY) } })
            let loopback = try Loopback(smallBuffers: true)
            loopback.server.closeAbruptly()
            let range = FileRange(descriptor: file.rawValue, offset: 0, count: Loopback.blockingLength)
            let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
            // The first one meets the reset, the second one the pipe that it has broken.
            for _ in 0..<2 {
                #expect(throws: TransportError.reset) {
                    let bytes = OutgoingBytes(nothing, then: range)
                    try loopback.client.write(bytes, wait: Loopback.patience, whileBlocked: nil)
                }
            }
            _ = consume file
        }
    }
}
