import System

/// Bytes of an open file that are to be sent unchanged. The owner of the descriptor keeps it open meanwhile.
package struct FileRange: Sendable, Equatable {
    package let descriptor: CInt
    package private(set) var offset: UInt64
    package private(set) var count: Int

    init(descriptor: CInt, offset: UInt64, count: Int) {
        self.descriptor = descriptor
        self.offset = offset
        self.count = count
    }

    mutating func removeFirst(_ number: Int) {
        offset += UInt64(number)
        count -= number
    }
}

/// The content of one write: bytes in memory and, behind them, a part of a file.
struct OutgoingBytes {
    private(set) var memory: UnsafeRawBufferPointer
    private(set) var file: FileRange?

    init(_ memory: UnsafeRawBufferPointer, then file: FileRange? = nil) {
        self.memory = memory
        self.file = file
    }

    var count: Int { memory.count + (file?.count ?? 0) }

    /// Removes the bytes that were sent.
    mutating func removeFirst(_ number: Int) {
        let ofMemory = min(number, memory.count)
        memory = UnsafeRawBufferPointer(rebasing: memory.dropFirst(ofMemory))
        if number > ofMemory { file?.removeFirst(number - ofMemory) }
    }
}

/// A connection that takes the bytes of a file from the system itself: they are neither read nor copied by this
/// process.
protocol FileSendingConnection: Connection {
    /// Sends all of it, by the rules of ``Connection/write(_:wait:whileBlocked:)``; ``Connection/unwritten`` counts the
    /// bytes of the file, too. Where the file cannot be read to the end of its range, the write fails with `.file`.
    func write(
        _ bytes: OutgoingBytes, wait: WaitLimits, whileBlocked: (() -> BlockedWrite)?
    ) throws(TransportError)
}
