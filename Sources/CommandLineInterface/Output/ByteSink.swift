import DICOM
import DICOMNode
import Glibc
import System

/// A destination of bytes for a person or another program: the standard output, a log file, the memory of a test.
///
/// Several threads may write; a sink keeps the bytes of one call together.
package protocol ByteSink: AnyObject, Sendable {
    /// Writes all of the bytes.
    ///
    /// - Throws: ``ByteSinkError`` if a part of them cannot be written: the reader has gone, the disk is full.
    func write(_ bytes: RawSpan) throws(ByteSinkError)
}

extension ByteSink {
    /// - Throws: ``ByteSinkError`` as ``write(_:)-(RawSpan)`` does.
    package func write(_ bytes: [UInt8]) throws(ByteSinkError) { try write(bytes.span.bytes) }

    /// Writes the text in UTF-8.
    ///
    /// - Throws: ``ByteSinkError`` as ``write(_:)-(RawSpan)`` does.
    package func write(_ text: String) throws(ByteSinkError) { try write(Array(text.utf8)) }
}

/// A failure of a sink to write.
package struct ByteSinkError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The system's error number.
    package let errorNumber: Int32
    /// The system's words for it.
    package let description: String

    /// True if the reader wants no more, as `head` does: no failure.
    package var isReaderGone: Bool { errorNumber == EPIPE }

    /// A signal that ends a wait for the reader is what ended the run.
    var exitCode: ExitCode { errorNumber == EINTR ? .interrupted : .localFiles }

    package init(errorNumber: Int32, description: String) {
        self.errorNumber = errorNumber
        self.description = description
    }
}

/// A sink that keeps nothing.
package final class DiscardingSink: ByteSink {
    package init() {}

    /// - Throws: nothing; the protocol has sinks that do.
    package func write(_ bytes: RawSpan) throws(ByteSinkError) {}
}

/// A sink over an open file descriptor, which it does not close: standard output, standard error, a log file.
package final class DescriptorSink: ByteSink {
    private let descriptor: Int32

    package init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    package static var standardOutput: DescriptorSink { DescriptorSink(descriptor: STDOUT_FILENO) }
    package static var standardError: DescriptorSink { DescriptorSink(descriptor: STDERR_FILENO) }

    /// True if the descriptor is a terminal.
    package var isTerminal: Bool { isatty(descriptor) == 1 }

    /// - Throws: ``ByteSinkError`` with the error number of `write`, EIO if it writes nothing, or EINTR if nobody reads and a
    ///   signal has asked for an end.
    package func write(_ bytes: RawSpan) throws(ByteSinkError) {
        do throws(SystemError) {
            try LocalOutput.write(bytes, to: descriptor)
        } catch {
            throw ByteSinkError(
                errorNumber: error.errno,
                description: error.errno == EINTR
                    ? "nobody reads it, and a signal has asked for an end" : String(cString: strerror(error.errno)))
        }
    }
}

/// A sink over the log file of the user's.
final class FileSink: ByteSink {
    private let file: RecordFile
    private let sink: DescriptorSink

    /// Opens the file for appending and makes it if it is missing.
    ///
    /// - Throws: `FileProblem` if the file cannot be opened, or exists and is no log.
    init(appendingTo path: FilePath) throws(FileProblem) {
        file = try RecordFile(path, .log, appends: true)
        sink = DescriptorSink(descriptor: file.descriptor.rawValue)
    }

    func write(_ bytes: RawSpan) throws(ByteSinkError) { try sink.write(bytes) }
}

/// A sink that keeps its bytes in memory, for tests and for text that is assembled before it is shown.
package final class MemorySink: ByteSink {
    private let storage = Locked<[UInt8]>([])

    package init() {}

    /// Keeps the bytes.
    ///
    /// - Throws: Nothing.
    package func write(_ bytes: RawSpan) throws(ByteSinkError) {
        storage.withLock { stored in
            bytes.withUnsafeBytes { stored.append(contentsOf: $0) }
        }
    }

    package var bytes: [UInt8] { storage.withLock { $0 } }

    /// The bytes as UTF-8; others show as U+FFFD.
    package var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// A sink for readers in another encoding than UTF-8. Characters that the encoding does not have show as question marks.
///
/// Each piece must end at the end of a character, as lines do.
final class TranscodingSink: ByteSink {
    private let sink: any ByteSink
    private let encoding: LocaleEncoding

    init(_ sink: any ByteSink, _ encoding: LocaleEncoding) {
        self.sink = sink
        self.encoding = encoding
    }

    func write(_ bytes: RawSpan) throws(ByteSinkError) {
        let converted = bytes.withUnsafeBytes { encoding.encode($0) }
        try sink.write(converted)
    }
}
