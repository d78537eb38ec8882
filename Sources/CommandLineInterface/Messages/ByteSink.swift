import DICOMNode
import Glibc

/// Where bytes for a person or another program go: the standard output, a log file, a test's memory.
///
/// Several threads may write; a sink keeps the bytes of one call together.
package protocol ByteSink: AnyObject, Sendable {
    /// Writes all of the bytes, or throws.
    func write(_ bytes: RawSpan) throws(ByteSinkError)
}

/// A sink would not take bytes: its reader has gone, its disk is full.
package struct ByteSinkError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The system's error number.
    package let errorNumber: Int32
    /// The system's words for it.
    package let description: String

    package init(errorNumber: Int32, description: String) {
        self.errorNumber = errorNumber
        self.description = description
    }
}

extension ByteSink {
    package func write(_ bytes: [UInt8]) throws(ByteSinkError) {
        try write(bytes.span.bytes)
    }

    package func write(_ text: String) throws(ByteSinkError) {
        try write(Array(text.utf8))
    }
}

/// A sink over an open file descriptor, which it does not close: standard output, standard error, a log file.
package final class DescriptorSink: ByteSink {
    private let descriptor: Int32

    package init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    package static var standardOutput: DescriptorSink { DescriptorSink(descriptor: STDOUT_FILENO) }
    package static var standardError: DescriptorSink { DescriptorSink(descriptor: STDERR_FILENO) }

    /// Whether a person watches: whether the descriptor is a terminal.
    package var isTerminal: Bool { isatty(descriptor) == 1 }

    package func write(_ bytes: RawSpan) throws(ByteSinkError) {
        let failure: Int32 = bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let written = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if written > 0 {
                    rest = rest.dropFirst(written)
                } else if written < 0, errno == EINTR {
                    continue
                } else if written < 0, errno == EAGAIN {
                    // Somebody made the terminal non-blocking; waiting is what a blocking one would have done.
                    var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&ready, 1, -1)
                } else {
                    return written < 0 ? errno : EIO
                }
            }
            return 0
        }
        if failure != 0 {
            throw ByteSinkError(errorNumber: failure, description: String(cString: strerror(failure)))
        }
    }
}

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
