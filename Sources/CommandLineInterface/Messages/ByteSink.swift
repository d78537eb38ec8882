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
