import DICOMNode

/// A sink that keeps what it is given, for tests and for text that is assembled before it is shown.
package final class MemorySink: ByteSink {
    private let storage = Locked<[UInt8]>([])

    package init() {}

    package func write(_ bytes: RawSpan) throws(ByteSinkError) {
        storage.withLock { stored in
            bytes.withUnsafeBytes { stored.append(contentsOf: $0) }
        }
    }

    package var bytes: [UInt8] { storage.withLock { $0 } }

    /// What was written, as text; bytes that are no UTF-8 show as U+FFFD.
    package var text: String { String(decoding: bytes, as: UTF8.self) }
}
