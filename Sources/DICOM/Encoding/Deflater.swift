import CZlib

/// Writes a raw deflate stream (RFC 1951), as PS3.5 A.5 compresses a data set; where the system has no zlib, one of blocks that are stored
/// as they are.
package struct Deflater: ~Copyable {
    private let stream: UnsafeMutablePointer<z_stream>
    private var produced: UInt64 = 0
    private let isStoring: Bool

    private static let step = 64 * 1024

    package init() { self.init(isStoring: openZlib() != nil) }

    /// - Parameter isStoring: True writes blocks that are stored as they are, without zlib.
    package init(isStoring: Bool) {
        self.isStoring = isStoring
        // zlib keeps the address of its state, so it must not move with this value.
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard !isStoring else { return }
        let status = deflateInit2_(
            stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            CInt(MemoryLayout<z_stream>.size))
        // It fails for want of some 300 KB of memory alone, where the next array would end the program as well.
        precondition(status == Z_OK, "zlib: no memory")
    }

    deinit {
        if !isStoring { deflateEnd(stream) }
        stream.deallocate()
    }

    /// Deflates the bytes and appends what comes of them so far.
    package mutating func consume(_ bytes: RawSpan, into output: inout [UInt8]) {
        var position = 0
        while isStoring, position < bytes.byteCount {
            let count = min(bytes.byteCount - position, Int(UInt16.max))
            store(bytes.extracting(position..<position + count), isLast: false, into: &output)
            position += count
        }
        while position < bytes.byteCount {
            let count = min(bytes.byteCount - position, Int(UInt32.max))
            run(bytes, from: position, count: count, flush: Z_NO_FLUSH, into: &output)
            position += count
        }
    }

    /// Ends the stream, with the NUL that makes its length even (PS3.5 A.5).
    package mutating func finish(into output: inout [UInt8]) {
        if isStoring {
            store(RawSpan(), isLast: true, into: &output)
        } else {
            run(RawSpan(), from: 0, count: 0, flush: Z_FINISH, into: &output)
        }
        if !produced.isMultiple(of: 2) {
            output.append(0)
            produced += 1
        }
    }

    /// A stored block (RFC 1951 3.2.4): its kind, its length and the complement of that.
    private mutating func store(_ bytes: RawSpan, isLast: Bool, into output: inout [UInt8]) {
        let length = UInt16(truncatingIfNeeded: bytes.byteCount)
        output.append(isLast ? 1 : 0)
        for number in [length, ~length] {
            output.append(UInt8(truncatingIfNeeded: number))
            output.append(UInt8(truncatingIfNeeded: number >> 8))
        }
        bytes.withUnsafeBytes { output.append(contentsOf: $0) }
        produced += UInt64(bytes.byteCount) + 5
    }

    private mutating func run(
        _ bytes: RawSpan, from start: Int, count: Int, flush: CInt, into output: inout [UInt8]
    ) {
        bytes.withUnsafeBytes { source in
            stream.pointee.next_in = source.baseAddress.map {
                UnsafeMutablePointer(mutating: ($0 + start).assumingMemoryBound(to: UInt8.self))
            }
            stream.pointee.avail_in = UInt32(truncatingIfNeeded: count)
            var isFull = true
            while isFull {
                var made = 0
                output.append(addingCapacity: Deflater.step) { (buffer: inout OutputSpan<UInt8>) in
                    buffer.withUnsafeMutableBufferPointer { (target, initialized) in
                        let room = min(target.count - initialized, Deflater.step)
                        stream.pointee.next_out = target.baseAddress.map { $0 + initialized }
                        stream.pointee.avail_out = UInt32(truncatingIfNeeded: room)
                        _ = deflate(stream, flush)
                        made = room - Int(stream.pointee.avail_out)
                        initialized += made
                        isFull = stream.pointee.avail_out == 0
                    }
                }
                produced += UInt64(made)
            }
        }
    }
}
