import DICOMNode
import Glibc
import Synchronization
import System

/// A connection whose peer says what it says whatever it hears, and then closes.
final class MemoryConnection: Connection {
    private let bytes: [UInt8]
    private let piece: Int
    private let offset = Atomic<Int>(0)
    /// Called with what is written.
    private let onWrite: @Sendable (UnsafeRawBufferPointer) -> Void

    init(_ bytes: [UInt8], piece: Int, onWrite: @escaping @Sendable (UnsafeRawBufferPointer) -> Void = { _ in }) {
        self.bytes = bytes
        self.piece = piece
        self.onWrite = onWrite
    }

    /// For those who wait by `poll`: always readable.
    private static let readable = open("/dev/null", O_RDONLY)

    var descriptor: CInt { Self.readable }
    var peerDescription: String { "memory" }
    var localDescription: String { "memory" }
    var timings: TCPConnection.Timings? { nil }
    var unwritten: Int { 0 }

    func read(into buffer: UnsafeMutableRawBufferPointer, wait: WaitLimits) throws(TransportError) -> Int {
        let start = offset.load(ordering: .relaxed)
        let count = min(piece, buffer.count, bytes.count - start)
        bytes.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + count])) }
        offset.store(start + count, ordering: .relaxed)
        return count
    }

    func readAvailable(into buffer: UnsafeMutableRawBufferPointer) throws(TransportError) -> Int? {
        try read(into: buffer, wait: .unlimited)
    }

    func write(
        _ bytes: OutgoingBytes, wait: WaitLimits, whileBlocked: (() -> BlockedWrite)?
    ) throws(TransportError) {
        onWrite(bytes.memory)
        guard let file = bytes.file else { return }
        var content = [UInt8](repeating: 0, count: file.count)
        content.withUnsafeMutableBytes { buffer in
            let count = (try? FileDescriptor.read(file.descriptor, into: buffer, at: file.offset)) ?? 0
            onWrite(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    func closeWriting() {}
    func close() {}
}
