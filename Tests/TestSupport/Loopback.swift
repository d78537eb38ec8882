import Glibc
package import System
import Testing

@testable package import DICOMNode

/// Two ends of one TCP connection within the test.
package struct Loopback {
    package let client: TCPConnection
    package let server: TCPConnection

    /// Generous: no test waits for it unless something is broken.
    package static var patience: WaitLimits { WaitLimits(total: .after(seconds: 30)) }

    /// More than both ends can hold, once their buffers are small.
    package static let blockingLength = 4 << 20

    /// - Parameter smallBuffers: the system's own grow to tens of megabytes, and a write would seldom block.
    package init(smallBuffers: Bool = false) throws {
        let listener = try TCPListener(port: 0, bind: "127.0.0.1")
        client = try TCPConnection.connect(host: "127.0.0.1", port: listener.port, wait: Self.patience)
        server = try listener.accept(wait: Self.patience)
        guard smallBuffers else { return }
        for connection in [client, server] {
            var size: CInt = 64 * 1024
            for option in [SO_SNDBUF, SO_RCVBUF] {
                setsockopt(connection.descriptor, SOL_SOCKET, option, &size, socklen_t(MemoryLayout<CInt>.size))
            }
        }
    }
}

/// Runs the body in a thread of its own; its result is had by waiting for it.
package final class Background<Value: Sendable>: Sendable {
    private final class Slot: Sendable {
        let result = Locked<Result<Value, any Error>?>(nil)
    }

    private let slot = Slot()
    private let thread: PosixThread

    package init(_ body: @escaping @Sendable () throws -> Value) throws {
        thread = try PosixThread(name: "test") { [slot] in
            let result = Result { try body() }
            slot.result.withLock { $0 = result }
        }
    }

    package func value() throws -> Value {
        thread.join()
        return try #require(slot.result.withLock { $0 }).get()
    }
}

extension Connection {
    /// Reads until this many bytes have come, or the peer has closed its side.
    package func readBytes(_ count: Int, wait: WaitLimits = Loopback.patience) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var total = 0
        while total < count {
            let read = try bytes.withUnsafeMutableBytes {
                try self.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[total...]), wait: wait)
            }
            guard read > 0 else { break }
            total += read
        }
        return Array(bytes[..<total])
    }

    /// What is there now; nil when there is nothing.
    package func readNow() throws -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = try bytes.withUnsafeMutableBytes { try readAvailable(into: $0) }
        return count.map { Array(bytes[..<$0]) }
    }
}

/// Bytes in which a lost or doubled piece shows: eight at a time, numbered.
package func pattern(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        var number: UInt64 = 0
        while initialized < count {
            let length = min(8, count - initialized)
            withUnsafeBytes(of: &number) {
                UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[initialized...])
                    .copyBytes(from: $0.prefix(length))
            }
            initialized += length
            number += 1
        }
    }
}
