import Testing

@testable import DICOM

/// Values of odd length (PS3.5 7.1.1) become even, and nothing else changes but the lengths that count them.
struct DataSetPaddingTests {
    private static func padded(_ bytes: [UInt8], _ syntax: TransferSyntax, step: Int = .max) throws -> [UInt8] {
        var walker = DataSetWalker(syntax, findsPadding: true)
        try walker.consume(bytes.span.bytes)
        try walker.finish()
        var padding = try #require(walker.padding)
        for table in padding.tables where padding.movesFragments {
            let place = Int(table.offset)..<Int(table.offset + table.length)
            try padding.moveOffsets(bytes[place], at: table.offset, of: table)
        }
        var padder = DataSetPadder(padding)
        var output: [UInt8] = []
        for piece in pieces(bytes, min(step, max(bytes.count, 1))) { padder.consume(piece.span.bytes, into: &output) }
        padder.finish(into: &output)
        return output
    }

    /// Text, what is expected of it, and the syntax of both.
    private static let samples: [(String, String, TransferSyntax)] = [
        // Text gets a space, bytes a NUL; short and long length fields.
        (
            "10 00 20 00 4C 4F 03 00 41 42 43  E0 7F 10 00 4F 42 00 00 03 00 00 00 01 02 03",
            "10 00 20 00 4C 4F 04 00 41 42 43 20  E0 7F 10 00 4F 42 00 00 04 00 00 00 01 02 03 00",
            .explicitVRLittleEndian
        ),
        ("10 00 20 00 01 00 00 00 41", "10 00 20 00 02 00 00 00 41 20", .implicitVRLittleEndian),
        ("00 10 00 20 4C 4F 00 01 41", "00 10 00 20 4C 4F 00 02 41 20", .explicitVRBigEndian),
        // The lengths of item and sequence grow with what is in them; an empty item and what follows stay.
        (
            """
            08 00 40 11 53 51 00 00 1A 00 00 00  FE FF 00 E0 0A 00 00 00  08 00 60 00 43 53 02 00 43 54
            FE FF 00 E0 00 00 00 00  10 00 20 00 4C 4F 02 00 41 42
            """,
            """
            08 00 40 11 53 51 00 00 1A 00 00 00  FE FF 00 E0 0A 00 00 00  08 00 60 00 43 53 02 00 43 54
            FE FF 00 E0 00 00 00 00  10 00 20 00 4C 4F 02 00 41 42
            """, .explicitVRLittleEndian
        ),
        (
            """
            08 00 40 11 53 51 00 00 19 00 00 00  FE FF 00 E0 09 00 00 00  08 00 60 00 43 53 01 00 43
            FE FF 00 E0 00 00 00 00  10 00 20 00 4C 4F 02 00 41 42
            """,
            """
            08 00 40 11 53 51 00 00 1A 00 00 00  FE FF 00 E0 0A 00 00 00  08 00 60 00 43 53 02 00 43 20
            FE FF 00 E0 00 00 00 00  10 00 20 00 4C 4F 02 00 41 42
            """, .explicitVRLittleEndian
        ),
        // The group length that does not hold any more goes, that of another group stays.
        (
            "08 00 00 00 04 00 00 00 0A 00 00 00  08 00 60 00 02 00 00 00 43 54 "
                + "10 00 00 00 04 00 00 00 09 00 00 00  10 00 20 00 01 00 00 00 41",
            "08 00 00 00 04 00 00 00 0A 00 00 00  08 00 60 00 02 00 00 00 43 54 10 00 20 00 02 00 00 00 41 20",
            .implicitVRLittleEndian
        ),
        // Fragments, and the Basic Offset Table: the second frame begins behind the padding of the first.
        (
            """
            E0 7F 10 00 4F 42 00 00 FF FF FF FF  FE FF 00 E0 08 00 00 00 00 00 00 00 0B 00 00 00
            FE FF 00 E0 03 00 00 00 01 02 03  FE FF 00 E0 02 00 00 00 04 05  FE FF DD E0 00 00 00 00
            """,
            """
            E0 7F 10 00 4F 42 00 00 FF FF FF FF  FE FF 00 E0 08 00 00 00 00 00 00 00 0C 00 00 00
            FE FF 00 E0 04 00 00 00 01 02 03 00  FE FF 00 E0 02 00 00 00 04 05  FE FF DD E0 00 00 00 00
            """, .jpegBaseline8Bit
        ),
        // The Extended Offset Table.
        (
            """
            E0 7F 01 00 4F 56 00 00 10 00 00 00  00 00 00 00 00 00 00 00  09 00 00 00 00 00 00 00
            E0 7F 10 00 4F 42 00 00 FF FF FF FF  FE FF 00 E0 00 00 00 00
            FE FF 00 E0 01 00 00 00 01  FE FF 00 E0 02 00 00 00 04 05  FE FF DD E0 00 00 00 00
            """,
            """
            E0 7F 01 00 4F 56 00 00 10 00 00 00  00 00 00 00 00 00 00 00  0A 00 00 00 00 00 00 00
            E0 7F 10 00 4F 42 00 00 FF FF FF FF  FE FF 00 E0 00 00 00 00
            FE FF 00 E0 02 00 00 00 01 00  FE FF 00 E0 02 00 00 00 04 05  FE FF DD E0 00 00 00 00
            """, .jpegBaseline8Bit
        ),
    ]

    @Test(arguments: samples.indices) func `odd values get a padding byte`(index: Int) throws {
        let (odd, even, syntax) = Self.samples[index]
        for step in [1, 2, 3, 7, .max] {
            #expect(try Self.padded(hexadecimal(odd), syntax, step: step) == hexadecimal(even))
        }
        #expect(try Self.padded(hexadecimal(even), syntax) == hexadecimal(even))
    }

    @Test func `a value that is too long for the short form becomes one of unknown representation`() throws {
        let value = [UInt8](repeating: 0x41, count: 65_535)
        let odd = hexadecimal("10 00 20 00 4C 54 FF FF") + value
        #expect(
            try Self.padded(odd, .explicitVRLittleEndian)
                == hexadecimal("10 00 20 00 55 4E 00 00 00 00 01 00") + value + [0x20])
    }

    @Test func `the walk tells odd values before the last from the last`() throws {
        func findings(_ text: String, _ syntax: TransferSyntax) throws -> DataSetFindings {
            var walker = DataSetWalker(syntax)
            try walker.consume(hexadecimal(text).span.bytes)
            return walker.findings
        }
        let both = try findings(Self.samples[0].0, .explicitVRLittleEndian)
        #expect(both.oddValues == 2 && both.hasOddValueBeforeLast && both.hasNativePixelData)
        let last = try findings(Self.samples[1].0, .implicitVRLittleEndian)
        #expect(last.oddValues == 1 && !last.hasOddValueBeforeLast && !last.hasNativePixelData)
        let fragments = try findings(Self.samples[6].0, .jpegBaseline8Bit)
        #expect(fragments.oddValues == 1 && !fragments.hasOddValueBeforeLast && !fragments.hasNativePixelData)
        #expect(try findings(Self.samples[0].1, .explicitVRLittleEndian).oddValues == 0)
    }

    @Test func `private elements whose representation only Explicit VR tells are counted`() throws {
        var walker = DataSetWalker(.explicitVRLittleEndian)
        let elements = """
            09 00 10 00 4C 4F 02 00 41 42  09 00 01 10 44 53 02 00 31 20  09 00 02 10 55 4E 00 00 02 00 00 00 31 20
            10 00 20 00 4C 4F 02 00 41 42
            """
        try walker.consume(hexadecimal(elements).span.bytes)
        #expect(walker.findings.privateRepresentations == 1)
    }
}
