import DICOM
import Testing

struct DataSetRewriterTests {
    /// One of everything whose representation the dictionary knows, so that Implicit VR loses nothing.
    private static let dataSet: DataSet = {
        var item = DataSet()
        item.set(.modality, .CS, "CT")
        item.setUInt16(.rows, 0x1234)
        var outer = DataSet()
        outer.set(.referencedSOPSequence, items: [item, DataSet()])
        var dataSet = outer
        dataSet.set(.studyInstanceUID, "1.2.3")
        dataSet.set(Tag(0x0040_0275), items: [outer])
        dataSet.setUInt16(.pixelRepresentation, 1)
        dataSet.append(DataElement(tag: Tag(0x0028_0106), vr: .SS, value: .bytes([0xFE, 0xFF])))
        dataSet.append(DataElement(tag: Tag(0x0018_602C), vr: .FD, value: .bytes([1, 2, 3, 4, 5, 6, 7, 8])))
        dataSet.append(DataElement(tag: Tag(0x0028_0009), vr: .AT, value: .bytes([0x18, 0, 0x63, 0x10])))
        dataSet.append(DataElement(tag: Tag(0x0009_0010), vr: .LO, value: .bytes(Array("DCMSCU".utf8)[...])))
        dataSet.append(DataElement(tag: Tag(0x0009_1001), vr: .UN, value: .bytes([1, 2, 3, 4])))
        dataSet.append(
            DataElement(tag: .pixelData, vr: .OW, value: .bytes((0..<254).map { UInt8($0) }[...])))
        return dataSet
    }()

    static let pairs: [(TransferSyntax, TransferSyntax)] = TransferSyntax.uncompressed.flatMap { source in
        TransferSyntax.uncompressed.map { (source, $0) }
    }

    private func rewrite(
        _ bytes: [UInt8], from source: TransferSyntax, to target: TransferSyntax, step: Int = .max
    ) throws -> [UInt8] {
        var rewriter = try DataSetRewriter(from: source, to: target)
        var output: [UInt8] = []
        for piece in pieces(bytes, min(step, max(bytes.count, 1))) {
            try rewriter.consume(piece.span.bytes, into: &output)
        }
        try rewriter.finish(into: &output)
        return output
    }

    @Test(arguments: pairs)
    func `every syntax is rewritten to every other without loss`(
        source: TransferSyntax, target: TransferSyntax
    ) throws {
        let bytes = DataSetEncoder(source).encode(Self.dataSet)
        let output = try rewrite(bytes, from: source, to: target)
        #expect(output.count.isMultiple(of: 2))
        #expect(try DataSetDecoder(target).decode(output[...]) == Self.dataSet)
    }

    @Test(arguments: pairs)
    func `the result is the same in pieces of any size`(source: TransferSyntax, target: TransferSyntax) throws {
        let bytes = DataSetEncoder(source).encode(Self.dataSet)
        let whole = try rewrite(bytes, from: source, to: target)
        for step in [1, 2, 3, 5, 7, 11, 64] {
            let output = try rewrite(bytes, from: source, to: target, step: step)
            // How a deflater cuts its blocks may depend on the pieces: what they inflate to may not.
            #expect(try DataSetDecoder(target).decode(output[...]) == Self.dataSet)
            #expect(target.isDeflated || output == whole)
        }
    }

    @Test(arguments: pairs)
    func `what is cut is truncated`(source: TransferSyntax, target: TransferSyntax) throws {
        let bytes = DataSetEncoder(source).encode(Self.dataSet)
        for cut in stride(from: bytes.count - 3, to: bytes.count - 200, by: -1) where cut > 0 {
            let error = try #require(throws: DataSetError.self) {
                _ = try rewrite(Array(bytes[..<cut]), from: source, to: target)
            }
            #expect(error.code == .truncated)
        }
    }

    @Test func `lengths become undefined and group lengths go`() throws {
        let source = hexadecimal("08 00 00 00 55 4C 04 00 63 00 00 00") + NestedSamples.explicitGivenLength
        #expect(
            try rewrite(source, from: .explicitVRLittleEndian, to: .explicitVRLittleEndian)
                == NestedSamples.explicitUndefinedLength)
        #expect(
            try rewrite(source, from: .explicitVRLittleEndian, to: .implicitVRLittleEndian)
                == NestedSamples.implicitUndefinedLength)
        #expect(
            try rewrite(source, from: .explicitVRLittleEndian, to: .explicitVRBigEndian, step: 1)
                == NestedSamples.bigEndianUndefinedLength)
        #expect(
            try rewrite(NestedSamples.bigEndianUndefinedLength, from: .explicitVRBigEndian, to: .implicitVRLittleEndian)
                == NestedSamples.implicitUndefinedLength)
    }

    @Test func `an unknown sequence becomes one of the target`() throws {
        let output = try rewrite(
            NestedSamples.unknownSequence, from: .explicitVRLittleEndian, to: .explicitVRBigEndian, step: 1)
        #expect(
            output
                == hexadecimal(
                    """
                    00 09 10 01 53 51 00 00 FF FF FF FF # now SQ
                    FF FE E0 00 FF FF FF FF
                    00 10 00 20 4C 4F 00 02 49 44
                    00 28 00 10 55 53 00 02 02 01
                    FF FE E0 0D 00 00 00 00
                    FF FE E0 DD 00 00 00 00
                    00 28 00 10 55 53 00 02 04 03
                    """))
    }

    @Test func `odd values become even, and incomplete words stay`() throws {
        let source = hexadecimal("10 00 20 00 4C 4F 03 00 49 44 31 28 00 10 00 55 53 03 00 01 02 03")
        for step in [1, 2, 100] {
            #expect(
                try rewrite(source, from: .explicitVRLittleEndian, to: .explicitVRBigEndian, step: step)
                    == hexadecimal(
                        "00 10 00 20 4C 4F 00 04 49 44 31 20 00 28 00 10 55 53 00 04 02 01 03 00"))
        }
    }

    @Test func `the greatest odd length becomes the greatest length there is`() throws {
        let header = hexadecimal("10 00 20 00 4F 42 00 00 FD FF FF FF")
        var output: [UInt8] = []
        var rewriter = try DataSetRewriter(from: .explicitVRLittleEndian, to: .implicitVRLittleEndian)
        try rewriter.consume(header.span.bytes, into: &output)
        #expect(output == hexadecimal("10 00 20 00 FE FF FF FF"))
    }

    @Test func `a value too long for the short form becomes unknown`() throws {
        var dataSet = DataSet()
        dataSet.append(
            DataElement(tag: Tag(0x0028_1201), vr: .OW, value: .bytes([UInt8](repeating: 1, count: 65_536)[...])))
        dataSet.append(
            DataElement(tag: Tag(0x0028_0040), vr: .CS, value: .bytes([UInt8](repeating: 0x41, count: 65_536)[...])))
        let bytes = DataSetEncoder(.implicitVRLittleEndian).encode(dataSet)
        let output = try rewrite(bytes, from: .implicitVRLittleEndian, to: .explicitVRBigEndian, step: 1_000)
        let read = try DataSetDecoder(.explicitVRBigEndian).decode(output[...])
        #expect(read[Tag(0x0028_0040)]?.vr == .UN)
        #expect(read.bytes(Tag(0x0028_0040)) == dataSet.bytes(Tag(0x0028_0040)))
    }

    @Test(arguments: [
        (TransferSyntax.jpegBaseline8Bit, TransferSyntax.explicitVRLittleEndian),
        (.explicitVRLittleEndian, .rleLossless), (TransferSyntax("1.2.3"), .implicitVRLittleEndian),
    ])
    func `compressed syntaxes are not for rewriting`(source: TransferSyntax, target: TransferSyntax) throws {
        let error = try #require(throws: DataSetError.self) { _ = try DataSetRewriter(from: source, to: target) }
        #expect(error.code == .unsupportedConversion)
    }

    @Test func `a nesting bomb is refused`() throws {
        let error = try #require(throws: DataSetError.self) {
            _ = try rewrite(
                NestedSamples.bomb(levels: 100_000), from: .implicitVRLittleEndian, to: .explicitVRLittleEndian)
        }
        #expect(error.code == .nestingTooDeep)
    }
}
