/// Writes a raw deflate stream (RFC 1951), as PS3.5 A.5 compresses a data set.
package struct Deflater: ~Copyable {
    package init() {}

    package mutating func consume(_ bytes: RawSpan, into output: inout [UInt8]) {}

    /// Ends the stream, with the NUL that makes its length even (PS3.5 A.5).
    package mutating func finish(into output: inout [UInt8]) {}
}
