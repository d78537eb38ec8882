import DICOM
import Testing

struct DataSetWalkerTests {
    static let samples: [(TransferSyntax, [UInt8], [Int])] = [
        (.explicitVRLittleEndian, NestedSamples.explicitGivenLength, [0, 54]),
        (.explicitVRLittleEndian, NestedSamples.explicitUndefinedLength, [0, 70]),
        (.implicitVRLittleEndian, NestedSamples.implicitUndefinedLength, [0, 66]),
        (.explicitVRBigEndian, NestedSamples.bigEndianUndefinedLength, [0, 70]),
        (.jpegBaseline8Bit, NestedSamples.encapsulated, [0]),
        (.explicitVRLittleEndian, NestedSamples.unknownSequence, [0, 56]),
    ]

    @Test(arguments: samples)
    func `a data set may end between its outermost elements alone`(
        syntax: TransferSyntax, bytes: [UInt8], boundaries: [Int]
    ) throws {
        var walker = DataSetWalker(syntax)
        for (offset, byte) in bytes.enumerated() {
            #expect(walker.isAtEnd == boundaries.contains(offset), "at \(offset)")
            try walker.consume([byte].span.bytes)
        }
        #expect(walker.isAtEnd)
        #expect(walker.position == UInt64(bytes.count))
        try walker.finish()
    }

    @Test(arguments: samples)
    func `what is cut is truncated`(syntax: TransferSyntax, bytes: [UInt8], boundaries: [Int]) throws {
        for cut in 0..<bytes.count where !boundaries.contains(cut) {
            var walker = DataSetWalker(syntax)
            let beginning = Array(bytes[..<cut])
            try walker.consume(beginning.span.bytes)
            let error = try #require(throws: DataSetError.self) { try walker.finish() }
            #expect(error.code == .truncated)
            #expect(error.offset == UInt64(cut))
        }
    }

    @Test(arguments: samples)
    func `a walk in pieces of any size ends as one in a single piece`(
        syntax: TransferSyntax, bytes: [UInt8], boundaries: [Int]
    ) throws {
        for step in 1...bytes.count {
            var walker = DataSetWalker(syntax)
            for piece in pieces(bytes, step) {
                try walker.consume(piece.span.bytes)
            }
            try walker.finish()
        }
    }

    @Test func `what is found does not depend on the pieces, and is of the outermost level where it says so`() throws {
        let bytes = hexadecimal(
            // In an item: UIDs and pixels that are not those of the data set.
            "08 00 40 11 53 51 00 00 1E 00 00 00 FE FF 00 E0 16 00 00 00 08 00 16 00 55 49 02 00 31 00 "
                + "E0 7F 10 00 4F 42 00 00 00 00 00 00 08 00 18 00 55 49 03 00 31 2E 32 "
                // A private creator, a private element that says what it is, one that does not, a group length.
                + "09 00 10 00 4C 4F 02 00 41 42 09 00 01 10 4C 4F 02 00 41 42 09 00 02 10 55 4E 00 00 02 00 00 00 41 42 "
                + "29 00 00 00 55 4C 04 00 00 00 00 00 29 00 10 10 4F 42 00 00 01 00 00 00 41 "
                + "28 00 03 01 55 53 02 00 01 00")
        let pixels = hexadecimal("E0 7F 10 00 4F 57 00 00 03 00 00 00 41 42 43")
        for (bytes, odd, hasPixels) in [(bytes, 2, false), (bytes + pixels, 3, true)] {
            for step in 1...bytes.count {
                var walker = DataSetWalker(.explicitVRLittleEndian)
                for piece in pieces(bytes, step) { try walker.consume(piece.span.bytes) }
                try walker.finish()
                let findings = walker.findings
                #expect(findings.oddValues == odd)
                #expect(findings.hasOddValueBeforeLast)
                #expect(findings.privateRepresentations == 2)
                #expect(!findings.hasSOPClassUID)
                #expect(findings.hasSOPInstanceUID)
                #expect(findings.hasNativePixelData == hasPixels)
            }
        }
    }

    @Test(arguments: samples)
    func `values may be skipped`(syntax: TransferSyntax, bytes: [UInt8], boundaries: [Int]) throws {
        var walker = DataSetWalker(syntax)
        var offset = 0
        var skipped = 0
        while offset < bytes.count {
            try walker.consume([bytes[offset]].span.bytes)
            offset += 1
            skipped += Int(walker.skippable)
            offset += Int(walker.skippable)
            walker.skip(walker.skippable)
            #expect(walker.skippable == 0)
        }
        try walker.finish()
        #expect(skipped > 0)
        #expect(walker.position == UInt64(bytes.count))
    }

    @Test func `a value of nearly four gigabytes is skipped without reading it`() throws {
        var walker = DataSetWalker(.explicitVRLittleEndian)
        try walker.consume(hexadecimal("E0 7F 10 00 4F 57 00 00 FE FF FF FF").span.bytes)
        #expect(walker.skippable == 0xFFFF_FFFE)
        #expect(!walker.isAtEnd)
        walker.skip(0xFFFF_FFFD)
        let error = try #require(throws: DataSetError.self) { try walker.finish() }
        #expect(error.code == .truncated)
        #expect(error.tag == .pixelData)
        walker.skip(1)
        try walker.finish()
        #expect(walker.position == 12 + 0xFFFF_FFFE)
    }

    @Test func `more than the value cannot be skipped`() throws {
        var walker = DataSetWalker(.implicitVRLittleEndian)
        try walker.consume(hexadecimal("10 00 20 00 02 00 00 00").span.bytes)
        walker.skip(1_000)
        #expect(walker.position == 10)
        #expect(walker.isAtEnd)
    }

    @Test func `nesting is walked to its limit and refused beyond`() throws {
        let limit = DecodingLimits.standard.maximumNestingDepth
        var walker = DataSetWalker(.implicitVRLittleEndian)
        try walker.consume(NestedSamples.nested(levels: limit).span.bytes)
        try walker.finish()
        for levels in [limit + 1, 100_000] {
            let error = try #require(throws: DataSetError.self) {
                var walker = DataSetWalker(.implicitVRLittleEndian)
                try walker.consume(NestedSamples.bomb(levels: levels).span.bytes)
            }
            #expect(error.code == .nestingTooDeep)
        }
    }
}
