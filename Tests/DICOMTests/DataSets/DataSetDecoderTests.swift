import DICOM
import Testing

struct DataSetDecoderTests {
    private static var nested: DataSet {
        var first = DataSet()
        first.set(.modality, .CS, "CT")
        var second = DataSet()
        second.setEmpty(.patientID, .LO)
        var dataSet = DataSet()
        dataSet.set(.referencedSOPSequence, items: [first, second])
        dataSet.set(.patientID, .LO, "ID")
        return dataSet
    }

    @Test(arguments: [
        (TransferSyntax.explicitVRLittleEndian, NestedSamples.explicitGivenLength),
        (.explicitVRLittleEndian, NestedSamples.explicitUndefinedLength),
        (.implicitVRLittleEndian, NestedSamples.implicitUndefinedLength),
        (.explicitVRBigEndian, NestedSamples.bigEndianUndefinedLength),
    ])
    func `sequences are read whether their lengths are given or not`(syntax: TransferSyntax, bytes: [UInt8]) throws {
        #expect(try DataSetDecoder(syntax).decode(bytes[...]) == Self.nested)
        // Nothing depends on where the slice begins.
        #expect(try DataSetDecoder(syntax).decode(([1, 2, 3] + bytes).dropFirst(3)) == Self.nested)
    }

    @Test(arguments: [
        (TransferSyntax.explicitVRLittleEndian, NestedSamples.explicitGivenLength, [54]),
        (.explicitVRLittleEndian, NestedSamples.explicitUndefinedLength, [70]),
        (.implicitVRLittleEndian, NestedSamples.implicitUndefinedLength, [66]),
        (.explicitVRBigEndian, NestedSamples.bigEndianUndefinedLength, [70]),
        (.jpegBaseline8Bit, NestedSamples.encapsulated, []),
        (.explicitVRLittleEndian, NestedSamples.unknownSequence, [56]),
    ])
    func `a data set that is cut anywhere but between elements is truncated`(
        syntax: TransferSyntax, bytes: [UInt8], boundaries: [Int]
    ) throws {
        for cut in 1..<bytes.count {
            let decode = { try DataSetDecoder(syntax).decode(bytes[..<cut]) }
            if boundaries.contains(cut) {
                #expect(try decode().elements.count == 1)
            } else {
                let error = try #require(throws: DataSetError.self) { _ = try decode() }
                #expect(error.code == .truncated, "cut at \(cut)")
                #expect((error.offset ?? .max) <= UInt64(cut))
            }
        }
    }

    @Test func `no bytes are an empty data set`() throws {
        for syntax in TransferSyntax.uncompressed where !syntax.isDeflated {
            #expect(try DataSetDecoder(syntax).decode([]).isEmpty)
        }
    }

    @Test func `encapsulated pixels are fragments`() throws {
        let dataSet = try DataSetDecoder(.jpegBaseline8Bit).decode(NestedSamples.encapsulated[...])
        #expect(dataSet[.pixelData]?.vr == .OB)
        #expect(dataSet[.pixelData]?.value == .fragments([[], [0xFF, 0xD8, 0x01, 0x02], [0xFF, 0xD9]]))
        #expect(DataSetEncoder(.jpegBaseline8Bit).encode(dataSet) == NestedSamples.encapsulated)
    }

    @Test func `an unknown sequence is implicit inside and the rest explicit again`() throws {
        let dataSet = try DataSetDecoder(.explicitVRLittleEndian).decode(NestedSamples.unknownSequence[...])
        let item = try #require(dataSet.items(Tag(0x0009_1001))?.first)
        #expect(item.string(.patientID) == "ID")
        #expect(item[.rows]?.vr == .US)
        #expect(item.uint16(.rows) == 0x0201)
        #expect(dataSet.uint16(.rows) == 0x0403)
    }

    @Test func `the pixel representation decides between US and SS in Implicit VR`() throws {
        let signed = hexadecimal("28 00 03 01 02 00 00 00 01 00 28 00 06 01 02 00 00 00 FF FF")
        let unsigned = hexadecimal("28 00 03 01 02 00 00 00 00 00 28 00 06 01 02 00 00 00 FF FF")
        let decoder = DataSetDecoder(.implicitVRLittleEndian)
        #expect(try decoder.decode(signed[...])[Tag(0x0028_0106)]?.vr == .SS)
        #expect(try decoder.decode(unsigned[...])[Tag(0x0028_0106)]?.vr == .US)
    }
}

// What is out of the ordinary.
extension DataSetDecoderTests {
    @Test func `odd lengths, disorder and repetition are tolerated`() throws {
        let bytes = hexadecimal(
            """
            10 00 20 00 4C 4F 03 00 49 44 31 # three bytes
            08 00 60 00 43 53 02 00 43 54    # a lower tag behind
            10 00 20 00 4C 4F 02 00 49 44    # the first one again
            """)
        let dataSet = try DataSetDecoder(.explicitVRLittleEndian).decode(bytes[...])
        #expect(dataSet.elements.map(\.tag) == [.modality, .patientID])
        #expect(dataSet.string(.patientID) == "ID1")
    }

    @Test func `a hundred thousand elements in descending order are sorted at once`() throws {
        let bytes = (0..<100_000).reversed().flatMap { number -> [UInt8] in
            let element = UInt8(truncatingIfNeeded: number & 0xFF)
            return [
                UInt8(truncatingIfNeeded: number >> 16) &* 2 &+ 8, 0, element, UInt8(truncatingIfNeeded: number >> 8),
                0, 0,
                0, 0,
            ]
        }
        let tags = try DataSetDecoder(.implicitVRLittleEndian).decode(bytes[...]).elements.map(\.tag)
        #expect(tags.count == 100_000)
        #expect(zip(tags, tags.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test func `delimiters behind a given length are tolerated`() throws {
        let bytes = hexadecimal(
            """
            08 00 99 11 22 00 00 00       # 34 bytes
            FE FF 00 E0 12 00 00 00       # 18 bytes
            08 00 60 00 02 00 00 00 43 54
            FE FF 0D E0 00 00 00 00       # superfluous
            FE FF DD E0 00 00 00 00       # superfluous
            """)
        let dataSet = try DataSetDecoder(.implicitVRLittleEndian).decode(bytes[...])
        #expect(dataSet.items(.referencedSOPSequence)?.first?.string(.modality) == "CT")
        var walker = DataSetWalker(.implicitVRLittleEndian)
        try walker.consume(bytes.span.bytes)
        try walker.finish()
    }

    @Test(arguments: [
        ("09 00 01 10 58 58 00 00 02 00 00 00 01 02", [1, 2] as [UInt8]),
        ("09 00 01 10 3F 3F 02 00 01 02", [1, 2]), ("09 00 01 10 20 20 00 00", []), ("09 00 01 10 00 00 00 00", []),
    ])
    func `a representation to come and a blank one are read as unknown`(bytes: String, value: [UInt8]) throws {
        let dataSet = try DataSetDecoder(.explicitVRLittleEndian).decode(hexadecimal(bytes)[...])
        #expect(dataSet[Tag(0x0009_1001)] == DataElement(tag: Tag(0x0009_1001), vr: .UN, value: .bytes(value[...])))
    }

    struct Broken: Sendable, CustomTestStringConvertible {
        let what: String
        let syntax: TransferSyntax
        let bytes: [UInt8]
        let code: DataSetError.Code

        init(_ what: String, _ syntax: TransferSyntax, _ code: DataSetError.Code, _ digits: String) {
            self.what = what
            self.syntax = syntax
            self.code = code
            bytes = hexadecimal(digits)
        }

        var testDescription: String { what }
    }

    static let broken: [Broken] = [
        Broken("greatest length", .implicitVRLittleEndian, .truncated, "10 00 20 00 FE FF FF FF 41 42"),
        Broken(
            "greatest length of OB", .explicitVRLittleEndian, .truncated, "10 00 20 00 4F 42 00 00 FE FF FF FF 41 42"),
        Broken("greatest length of a sequence", .implicitVRLittleEndian, .truncated, "08 00 99 11 FE FF FF FF"),
        Broken(
            "greatest length of an item", .implicitVRLittleEndian, .truncated,
            "08 00 99 11 FF FF FF FF FE FF 00 E0 FE FF FF FF"),
        Broken(
            "item beyond its sequence", .implicitVRLittleEndian, .lengthBeyondEnd,
            "08 00 99 11 08 00 00 00 FE FF 00 E0 04 00 00 00 08 00 60 00"),
        Broken(
            "element beyond its item", .implicitVRLittleEndian, .lengthBeyondEnd,
            "08 00 99 11 12 00 00 00 FE FF 00 E0 0A 00 00 00 08 00 60 00 FE FF FF FF 43 54"),
        Broken(
            "header beyond its item", .implicitVRLittleEndian, .lengthBeyondEnd,
            "08 00 99 11 0C 00 00 00 FE FF 00 E0 04 00 00 00 08 00 60 00 10 00 20 00 00 00 00 00"),
        Broken(
            "undefined item in a given length", .implicitVRLittleEndian, .lengthBeyondEnd,
            "08 00 99 11 08 00 00 00 FE FF 00 E0 FF FF FF FF FE FF 0D E0 00 00 00 00"),
        Broken(
            "element in a sequence", .implicitVRLittleEndian, .malformedSequence,
            "08 00 99 11 FF FF FF FF 08 00 60 00 00 00 00 00"),
        Broken(
            "element among fragments", .jpegBaseline8Bit, .malformedSequence,
            "E0 7F 10 00 4F 42 00 00 FF FF FF FF 08 00 60 00 00 00 00 00"),
        Broken(
            "fragment of undefined length", .jpegBaseline8Bit, .undefinedLength,
            "E0 7F 10 00 4F 42 00 00 FF FF FF FF FE FF 00 E0 FF FF FF FF"),
        Broken("item outside", .implicitVRLittleEndian, .unexpectedDelimiter, "FE FF 00 E0 00 00 00 00"),
        Broken("end of item outside", .implicitVRLittleEndian, .unexpectedDelimiter, "FE FF 0D E0 00 00 00 00"),
        Broken("end of sequence outside", .explicitVRLittleEndian, .unexpectedDelimiter, "FE FF DD E0 00 00 00 00"),
        Broken(
            "end of sequence in an item", .implicitVRLittleEndian, .unexpectedDelimiter,
            "08 00 99 11 FF FF FF FF FE FF 00 E0 FF FF FF FF FE FF DD E0 00 00 00 00"),
        Broken(
            "end within a given length", .implicitVRLittleEndian, .unexpectedDelimiter,
            "08 00 99 11 10 00 00 00 FE FF DD E0 00 00 00 00 FE FF 00 E0 00 00 00 00"),
        Broken(
            "text of undefined length", .explicitVRLittleEndian, .undefinedLength,
            "40 00 60 A1 55 54 00 00 FF FF FF FF"),
        Broken("no representation", .explicitVRLittleEndian, .unknownVR, "08 00 60 00 02 00 00 00 43 54"),
    ]

    @Test(arguments: broken)
    func `lies about structure are errors`(broken: Broken) throws {
        let error = try #require(throws: DataSetError.self) {
            _ = try DataSetDecoder(broken.syntax).decode(broken.bytes[...])
        }
        #expect(error.code == broken.code)
        #expect((error.offset ?? .max) <= UInt64(broken.bytes.count))
    }

    @Test(arguments: broken)
    func `the walker finds the same lies, whole and byte by byte`(broken: Broken) throws {
        for step in [1, 3, 1_000] {
            let error = try #require(throws: DataSetError.self) {
                var walker = DataSetWalker(broken.syntax)
                for piece in pieces(broken.bytes, step) {
                    try walker.consume(piece.span.bytes)
                }
                try walker.finish()
            }
            #expect(error.code == broken.code)
        }
    }

    @Test func `nesting is read to its limit and refused beyond`() throws {
        let limit = DecodingLimits.standard.maximumNestingDepth
        let decoder = DataSetDecoder(.implicitVRLittleEndian)
        var items = try decoder.decode(NestedSamples.nested(levels: limit)[...]).items(.referencedSOPSequence)
        var depth = 0
        while let inner = items {
            depth += 1
            items = inner.first?.items(.referencedSOPSequence)
        }
        #expect(depth == limit)
        for levels in [limit + 1, 100_000] {
            let error = try #require(throws: DataSetError.self) {
                _ = try decoder.decode(NestedSamples.bomb(levels: levels)[...])
            }
            #expect(error.code == .nestingTooDeep)
            #expect(error.tag == .referencedSOPSequence)
        }
    }

    @Test func `more elements than the limit are refused`() throws {
        var limits = DecodingLimits.standard
        limits.maximumElements = 3
        let decoder = DataSetDecoder(.explicitVRLittleEndian, limits: limits)
        let error = try #require(throws: DataSetError.self) {
            _ = try decoder.decode(NestedSamples.explicitGivenLength[...])
        }
        #expect(error.code == .tooManyElements)
    }

    @Test func `an error names its place`() throws {
        let bytes = hexadecimal("08 00 60 00 43 53 02 00 43 54 10 00 20 00 4C 4F 09 00 49 44")
        let error = try #require(throws: DataSetError.self) {
            _ = try DataSetDecoder(.explicitVRLittleEndian).decode(bytes[...])
        }
        #expect(error.offset == 10)
        #expect(error.tag == .patientID)
        #expect(error.description.hasSuffix("in element (0010,0020) at byte 10"))
    }
}

/// The bytes in pieces of `step`.
func pieces(_ bytes: [UInt8], _ step: Int) -> [ArraySlice<UInt8>] {
    stride(from: 0, to: bytes.count, by: step).map { bytes[$0..<min($0 + step, bytes.count)] }
}
