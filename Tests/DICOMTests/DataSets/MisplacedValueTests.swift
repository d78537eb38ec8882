import DICOM
import Testing

/// Values in Implicit VR where the dictionary has a sequence: (0040,A170), which once was a code string.
struct MisplacedValueTests {
    private static let tag = Tag(0x0040_A170)

    /// Implicit VR: an element before, the value, an element behind it; also within an item.
    private static func bytes(_ value: String, inItem: Bool) -> [UInt8] {
        func element(_ group: UInt16, _ element: UInt16, _ value: [UInt8]) -> [UInt8] {
            [group, element].flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
                + (0..<4).map { UInt8(truncatingIfNeeded: value.count >> (8 * $0)) } + value
        }
        let elements = element(0x0040, 0xA170, Array(value.utf8)) + element(0x0040, 0xA17A, Array("1 ".utf8))
        let before = element(0x0008, 0x0060, Array("CT".utf8))
        return inItem
            ? before + element(0x0040, 0x0275, element(0xFFFE, 0xE000, elements)) + element(0x0050, 0x0004, [])
            : before + elements + element(0x0050, 0x0004, [])
    }

    static let rows: [(String, Bool)] = ["T1", "T110", "LONGER", "OF A CODE STRING"].flatMap {
        [($0, false), ($0, true)]
    }

    @Test(arguments: rows)
    func `a value in the place of a sequence is one of unknown representation`(value: String, inItem: Bool) throws {
        let bytes = Self.bytes(value, inItem: inItem)
        let dataSet = try DataSetDecoder(.implicitVRLittleEndian).decode(bytes[...])
        let holder = inItem ? try #require(dataSet.items(Tag(0x0040_0275))?.first) : dataSet
        #expect(holder[Self.tag] == DataElement(tag: Self.tag, vr: .UN, value: .bytes(Array(value.utf8)[...])))
        #expect(holder[Tag(0x0040_A17A)] != nil)
        #expect(dataSet[Tag(0x0050_0004)] != nil)
    }

    @Test(arguments: rows)
    func `it is whole in pieces of any size, and is cut where it is cut`(value: String, inItem: Bool) throws {
        let bytes = Self.bytes(value, inItem: inItem)
        for step in 1...bytes.count {
            var check = DataSetCheck(.implicitVRLittleEndian)
            var walker = DataSetWalker(.implicitVRLittleEndian)
            for piece in pieces(bytes, step) {
                try check.consume(piece.span.bytes)
                try walker.consume(piece.span.bytes)
            }
            try check.finish()
            try walker.finish()
            #expect(walker.position == UInt64(bytes.count))
        }
        // Behind the header of the element, before the end of its value.
        var check = DataSetCheck(.implicitVRLittleEndian)
        let beginning = Array(bytes[..<(10 + 8 + (inItem ? 16 : 0) + value.utf8.count - 1)])
        try check.consume(beginning.span.bytes)
        #expect(throws: DataSetError.self) { try check.finish() }
    }

    @Test(arguments: rows)
    func `it is rewritten as it is, in pieces of any size`(value: String, inItem: Bool) throws {
        let bytes = Self.bytes(value, inItem: inItem)
        let dataSet = try DataSetDecoder(.implicitVRLittleEndian).decode(bytes[...])
        for step in 1...bytes.count {
            var rewriter = try DataSetRewriter(from: .implicitVRLittleEndian, to: .explicitVRLittleEndian)
            var output: [UInt8] = []
            for piece in pieces(bytes, step) { try rewriter.consume(piece.span.bytes, into: &output) }
            try rewriter.finish(into: &output)
            #expect(try DataSetDecoder(.explicitVRLittleEndian).decode(output[...]) == dataSet, "\(step)")
        }
    }
}
