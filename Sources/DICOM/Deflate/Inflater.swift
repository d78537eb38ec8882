/// Reads a raw deflate stream (RFC 1951), as PS3.5 A.5 compresses a data set.
package struct Inflater: ~Copyable {
    package init(limits: DecodingLimits = .standard) {}

    package private(set) var isAtEnd = false

    /// Inflates what has arrived and appends the result.
    package mutating func consume(_ bytes: RawSpan, into output: inout [UInt8]) throws(DataSetError) {}

    /// Throws `.truncated` where the stream has not ended.
    package mutating func finish() throws(DataSetError) {}
}
