import DICOM
import Testing

struct InflaterTests {
    private static let plain: [UInt8] = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }

    private static func deflated(_ bytes: [UInt8], step: Int = 1_000_000, isStoring: Bool = false) -> [UInt8] {
        var deflater = Deflater(isStoring: isStoring)
        var output: [UInt8] = []
        for piece in pieces(bytes, step) {
            deflater.consume(piece.span.bytes, into: &output)
        }
        deflater.finish(into: &output)
        return output
    }

    @Test(arguments: [1, 7, 4_096, 1_000_000])
    func `what is deflated in pieces comes back in pieces`(step: Int) throws {
        let deflated = Self.deflated(Self.plain, step: max(step, 100))
        #expect(deflated.count.isMultiple(of: 2))
        #expect(deflated.count < Self.plain.count)
        var inflater = Inflater()
        var output: [UInt8] = []
        for piece in pieces(deflated, step) {
            try inflater.consume(piece.span.bytes, into: &output)
        }
        try inflater.finish()
        let isAtEnd = inflater.isAtEnd
        #expect(isAtEnd)
        #expect(output == Self.plain)
    }

    @Test(arguments: [1, 65_535, 65_536, 300_000])
    func `what is stored without zlib is a stream of the same format`(length: Int) throws {
        let plain = Array(Self.plain.prefix(length))
        let deflated = Self.deflated(plain, step: 100_000, isStoring: true)
        #expect(deflated.count.isMultiple(of: 2))
        #expect(deflated.count >= length + 10)
        var inflater = Inflater()
        var output: [UInt8] = []
        try inflater.consume(deflated.span.bytes, into: &output)
        try inflater.finish()
        #expect(output == plain)
    }

    @Test func `the golden bytes are a raw stream without the header of zlib`() throws {
        // A stored block: last one, length 2 and its complement, two bytes; and the NUL that makes it even.
        let stored = hexadecimal("01 02 00 FD FF 41 42 00")
        var inflater = Inflater()
        var output: [UInt8] = []
        try inflater.consume(stored.span.bytes, into: &output)
        try inflater.finish()
        #expect(output == [0x41, 0x42])
        #expect(Self.deflated([]) == [0x03, 0x00])
    }

    @Test func `what follows the end is padding`() throws {
        var inflater = Inflater()
        var output: [UInt8] = []
        try inflater.consume((Self.deflated([1, 2, 3]) + [0, 0, 7, 7]).span.bytes, into: &output)
        try inflater.consume([9, 9].span.bytes, into: &output)
        try inflater.finish()
        #expect(output == [1, 2, 3])
    }

    @Test func `a stream that is cut is truncated`() throws {
        let deflated = Self.deflated(Array("the rain in Spain stays mainly in the plain".utf8))
        for cut in 0..<deflated.count - 2 {
            var inflater = Inflater()
            var output: [UInt8] = []
            let beginning = Array(deflated[..<cut])
            try inflater.consume(beginning.span.bytes, into: &output)
            let isAtEnd = inflater.isAtEnd
            #expect(!isAtEnd)
            let error = try #require(throws: DataSetError.self) { try inflater.finish() }
            #expect(error.code == .truncated)
            #expect(error.offset == UInt64(cut))
        }
    }

    @Test(arguments: ["07", "01 02 00 02 00 41 42", "FF FF FF FF", "78 9C 03 00 00 00 00 01"])
    func `what is no deflate stream is corrupt`(bytes: String) throws {
        let error = try #require(throws: DataSetError.self) {
            var inflater = Inflater()
            var output: [UInt8] = []
            try inflater.consume(hexadecimal(bytes).span.bytes, into: &output)
            try inflater.finish()
        }
        #expect(error.code == .deflateCorrupt)
    }

    @Test func `a bomb is refused before it is large`() throws {
        let bomb = Self.deflated([UInt8](repeating: 0, count: 20_000_000))
        var limits = DecodingLimits.standard
        limits.maximumInflatedLength = 1_000_000
        var inflater = Inflater(limits: limits)
        var output: [UInt8] = []
        var code: DataSetError.Code?
        do throws(DataSetError) {
            try inflater.consume(bomb.span.bytes, into: &output)
        } catch {
            code = error.code
        }
        #expect(code == .deflateTooLarge)
        #expect(output.count < 1_200_000)
        #expect(throws: DataSetError.self) {
            try DataSetDecoder(.deflatedExplicitVRLittleEndian, limits: limits).decode(bomb[...])
        }
    }
}
