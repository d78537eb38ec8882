import CZlib

/// Reads a raw deflate stream (RFC 1951), as PS3.5 A.5 compresses a data set: without the header and checksum of zlib.
package struct Inflater: ~Copyable {
    private let stream: UnsafeMutablePointer<z_stream>
    /// What zlib is missing, or misses; nil if it is ready.
    private let problem: String?
    private let limit: UInt64
    private var consumed: UInt64 = 0
    private var produced: UInt64 = 0

    /// True if the stream's last block is behind us. What follows it is padding (PS3.5 A.5) and is ignored.
    package private(set) var isAtEnd = false

    /// The number of bytes asked of zlib at once: large against the cost of a call, small against a cache.
    private static let step = 64 * 1024

    package init(limits: DecodingLimits = .standard) {
        limit = limits.maximumInflatedLength
        // zlib keeps the address of its state, so it must not move with this value.
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        if let reason = openZlib() {
            problem = String(cString: reason)
        } else {
            let size = CInt(MemoryLayout<z_stream>.size)
            problem = inflateInit2_(stream, -MAX_WBITS, ZLIB_VERSION, size) == Z_OK ? nil : "zlib has no memory"
        }
    }

    deinit {
        if problem == nil {
            inflateEnd(stream)
        }
        stream.deallocate()
    }

    /// Inflates the bytes that have arrived and appends the result.
    ///
    /// - Throws: `.deflateCorrupt`, `.deflateTooLarge` beyond the limit, or `.deflateUnavailable` without zlib.
    package mutating func consume(_ bytes: RawSpan, into output: inout [UInt8]) throws(DataSetError) {
        var position = 0
        while try consume(bytes, at: &position, into: &output) {}
    }

    /// Inflates some of the bytes from `position` on, which it moves, into one step of output: a caller that treats
    /// each step before the next one stays small whatever a stream inflates to. False when there is nothing more to do.
    mutating func consume(
        _ bytes: RawSpan, at position: inout Int, into output: inout [UInt8]
    ) throws(DataSetError) -> Bool {
        if let problem {
            throw DataSetError(.deflateUnavailable, "a deflated data set cannot be read: \(problem)")
        }
        guard !isAtEnd else {
            position = bytes.byteCount
            return false
        }
        let chunk = min(bytes.byteCount - position, Int(UInt32.max))
        let start = position
        var used = 0
        var status = Z_OK
        var made = 0
        output.append(addingCapacity: Inflater.step) { (buffer: inout OutputSpan<UInt8>) in
            buffer.withUnsafeMutableBufferPointer { (target, initialized) in
                bytes.withUnsafeBytes { source in
                    stream.pointee.next_in = source.baseAddress.map {
                        UnsafeMutablePointer(mutating: ($0 + start).assumingMemoryBound(to: UInt8.self))
                    }
                    stream.pointee.avail_in = UInt32(truncatingIfNeeded: chunk)
                    let room = min(target.count - initialized, Inflater.step)
                    stream.pointee.next_out = target.baseAddress.map { $0 + initialized }
                    stream.pointee.avail_out = UInt32(truncatingIfNeeded: room)
                    status = CZlib.inflate(stream, Z_NO_FLUSH)
                    used = chunk - Int(stream.pointee.avail_in)
                    made = room - Int(stream.pointee.avail_out)
                    initialized += made
                }
            }
        }
        position += used
        consumed += UInt64(used)
        produced += UInt64(made)
        guard produced <= limit else {
            throw DataSetError(.deflateTooLarge, offset: consumed, "a data set that inflates beyond \(limit) bytes")
        }
        switch status {
        case Z_STREAM_END:
            isAtEnd = true
            position = bytes.byteCount
            return false
        case Z_OK:
            return made == Inflater.step || position < bytes.byteCount
        case Z_BUF_ERROR:
            // Nothing could be done: more bytes are needed.
            return false
        default:
            throw DataSetError(.deflateCorrupt, offset: consumed, "the deflated data set is corrupt")
        }
    }

    /// Ends the stream.
    ///
    /// - Throws: `.truncated` if its last block has not come.
    package mutating func finish() throws(DataSetError) {
        guard isAtEnd else {
            throw DataSetError(.truncated, offset: consumed, "the deflated data set ends too early")
        }
    }
}

extension Inflater {
    /// A whole stream at once.
    static func inflated(_ bytes: ArraySlice<UInt8>, limits: DecodingLimits) throws(DataSetError) -> [UInt8] {
        var inflater = Inflater(limits: limits)
        var output: [UInt8] = []
        try inflater.consume(bytes.span.bytes, into: &output)
        try inflater.finish()
        return output
    }

    /// As much as the beginning of a stream gives, and the limit allows.
    static func inflatedPrefix(_ bytes: ArraySlice<UInt8>, limits: DecodingLimits) throws(DataSetError) -> [UInt8] {
        var inflater = Inflater(limits: limits)
        var output: [UInt8] = []
        var position = 0
        while UInt64(output.count + step) <= limits.maximumInflatedLength,
            try inflater.consume(bytes.span.bytes, at: &position, into: &output)
        {}
        return output
    }
}
