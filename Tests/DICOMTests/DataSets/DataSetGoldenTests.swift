import DICOM
import Testing

/// The bytes of each representation in each encoding.
struct DataSetGoldenTests {
    struct Sample: Sendable, CustomTestStringConvertible {
        let vr: ValueRepresentation
        let tag: Tag
        /// As kept in memory: little endian.
        let value: String
        /// In big endian.
        let swapped: String

        init(_ vr: ValueRepresentation, _ tag: UInt32, _ value: String, _ swapped: String? = nil) {
            self.vr = vr
            self.tag = Tag(tag)
            self.value = value
            self.swapped = swapped ?? value
        }

        var testDescription: String { vr.description }
        var element: DataElement { DataElement(tag: tag, vr: vr, value: .bytes(hexadecimal(value)[...])) }
    }

    static let samples: [Sample] = [
        Sample(.AE, 0x0008_0054, "4F 52 54 48"), Sample(.AS, 0x0010_1010, "30 34 32 59"),
        Sample(.AT, 0x0028_0009, "18 00 63 10", "00 18 10 63"), Sample(.CS, 0x0008_0060, "43 54"),
        Sample(.DA, 0x0008_0020, "32 30 32 34 30 31 33 31"), Sample(.DS, 0x0010_1030, "37 30 2E 35"),
        Sample(.DT, 0x0008_002A, "32 30 32 34"),
        Sample(.FD, 0x0008_1163, "00 00 00 00 00 00 F0 3F", "3F F0 00 00 00 00 00 00"),
        Sample(.FL, 0x0008_2132, "00 00 80 3F", "3F 80 00 00"), Sample(.IS, 0x0020_0013, "31 32"),
        Sample(.LO, 0x0010_0020, "49 44"), Sample(.LT, 0x0010_4000, "61 5C 62 20"),
        Sample(.OB, 0x0002_0102, "01 02 03 04"),
        Sample(.OD, 0x7FE0_0009, "01 02 03 04 05 06 07 08", "08 07 06 05 04 03 02 01"),
        Sample(.OF, 0x7FE0_0008, "01 02 03 04", "04 03 02 01"), Sample(.OL, 0x0066_0040, "01 02 03 04", "04 03 02 01"),
        Sample(.OV, 0x7FE0_0001, "01 02 03 04 05 06 07 08", "08 07 06 05 04 03 02 01"),
        Sample(.OW, 0x7FE0_0010, "01 02 03 04", "02 01 04 03"), Sample(.PN, 0x0010_0010, "41 5E 42 20"),
        Sample(.SH, 0x0008_0050, "41 31"), Sample(.SL, 0x0018_6020, "FE FF FF FF", "FF FF FF FE"),
        Sample(.SS, 0x0018_9219, "FE FF", "FF FE"), Sample(.ST, 0x0008_0081, "41 5C"),
        Sample(.SV, 0x0072_0082, "01 02 03 04 05 06 07 08", "08 07 06 05 04 03 02 01"),
        Sample(.TM, 0x0008_0030, "31 32 30 30"), Sample(.UC, 0x0008_0119, "61 62"),
        Sample(.UI, 0x0008_0018, "31 2E 32 00"), Sample(.UL, 0x0008_1197, "01 02 03 04", "04 03 02 01"),
        Sample(.UN, 0x0009_1001, "01 02 03 04"), Sample(.UR, 0x0008_1190, "68 3A"),
        Sample(.US, 0x0028_0010, "01 02", "02 01"), Sample(.UT, 0x0040_A160, "61 5C"),
        Sample(.UV, 0x0072_0083, "01 02 03 04 05 06 07 08", "08 07 06 05 04 03 02 01"),
    ]

    private static func digits(_ number: UInt32, bytes: Int, isBigEndian: Bool) -> [UInt8] {
        let little = (0..<bytes).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
        return isBigEndian ? little.reversed() : little
    }

    /// Spelled here once more by table 7.1, independent of the code under test.
    private static func encoded(_ sample: Sample, isExplicit: Bool, isBigEndian: Bool) -> [UInt8] {
        let long = "OB OD OF OL OV OW SQ SV UC UN UR UT UV".split(separator: " ")
        let value = hexadecimal(isBigEndian ? sample.swapped : sample.value)
        let length = UInt32(value.count)
        var bytes = digits(UInt32(sample.tag.group), bytes: 2, isBigEndian: isBigEndian)
        bytes += digits(UInt32(sample.tag.element), bytes: 2, isBigEndian: isBigEndian)
        if !isExplicit {
            bytes += digits(length, bytes: 4, isBigEndian: isBigEndian)
        } else if long.contains(sample.vr.description[...]) {
            bytes += Array(sample.vr.description.utf8) + [0, 0] + digits(length, bytes: 4, isBigEndian: isBigEndian)
        } else {
            bytes += Array(sample.vr.description.utf8) + digits(length, bytes: 2, isBigEndian: isBigEndian)
        }
        return bytes + value
    }

    @Test func `there is a sample of every representation but the sequence`() {
        #expect(Set(Self.samples.map(\.vr)).union([.SQ]) == Set(ValueRepresentation.allCases))
    }

    @Test(arguments: samples)
    func `an element is written and read in Explicit VR Little Endian`(sample: Sample) throws {
        try check(sample, .explicitVRLittleEndian, Self.encoded(sample, isExplicit: true, isBigEndian: false))
    }

    @Test(arguments: samples)
    func `an element is written and read in Explicit VR Big Endian`(sample: Sample) throws {
        try check(sample, .explicitVRBigEndian, Self.encoded(sample, isExplicit: true, isBigEndian: true))
    }

    @Test(arguments: samples)
    func `an element is written and read in Implicit VR Little Endian`(sample: Sample) throws {
        let bytes = Self.encoded(sample, isExplicit: false, isBigEndian: false)
        var dataSet = DataSet()
        dataSet.append(sample.element)
        #expect(DataSetEncoder(.implicitVRLittleEndian).encode(dataSet) == bytes)
        let read = try DataSetDecoder(.implicitVRLittleEndian).decode(bytes[...])
        #expect(read.elements.map(\.tag) == [sample.tag])
        #expect(read.bytes(sample.tag) == hexadecimal(sample.value)[...])
        #expect(read.elements.first?.vr == DataDictionary.vr(of: sample.tag))
    }

    @Test func `the golden bytes of two elements are those of the standard's tables`() {
        var dataSet = DataSet()
        dataSet.set(.patientName, .PN, "A^B")
        dataSet.append(DataElement(tag: .pixelData, vr: .OW, value: .bytes([1, 2, 3, 4])))
        #expect(
            DataSetEncoder(.explicitVRLittleEndian).encode(dataSet)
                == hexadecimal(
                    """
                    10 00 10 00 # (0010,0010)
                    50 4E 04 00 # PN, four bytes
                    41 5E 42 20 # A^B and a space
                    E0 7F 10 00 # (7FE0,0010)
                    4F 57 00 00 # OW, reserved
                    04 00 00 00 # four bytes
                    01 02 03 04
                    """))
        #expect(
            DataSetEncoder(.explicitVRBigEndian).encode(dataSet)
                == hexadecimal(
                    """
                    00 10 00 10 50 4E 00 04 41 5E 42 20
                    7F E0 00 10 4F 57 00 00 00 00 00 04 02 01 04 03
                    """))
        #expect(
            DataSetEncoder(.implicitVRLittleEndian).encode(dataSet)
                == hexadecimal(
                    """
                    10 00 10 00 04 00 00 00 41 5E 42 20
                    E0 7F 10 00 04 00 00 00 01 02 03 04
                    """))
    }

    @Test(arguments: TransferSyntax.uncompressed)
    func `all representations together come back as they were`(syntax: TransferSyntax) throws {
        var dataSet = DataSet()
        for sample in Self.samples {
            dataSet.append(sample.element)
        }
        let bytes = DataSetEncoder(syntax).encode(dataSet)
        #expect(bytes.count.isMultiple(of: 2))
        let read = try DataSetDecoder(syntax).decode(bytes[...])
        #expect(read.elements.map(\.tag) == dataSet.elements.map(\.tag))
        #expect(read.elements.map(\.value) == dataSet.elements.map(\.value))
        if syntax.isExplicitVR {
            #expect(read == dataSet)
        }
    }

    private func check(_ sample: Sample, _ syntax: TransferSyntax, _ bytes: [UInt8]) throws {
        var dataSet = DataSet()
        dataSet.append(sample.element)
        #expect(DataSetEncoder(syntax).encode(dataSet) == bytes)
        #expect(try DataSetDecoder(syntax).decode(bytes[...]) == dataSet)
        for cut in 1..<bytes.count {
            #expect(throws: DataSetError.self) { try DataSetDecoder(syntax).decode(bytes[..<cut]) }
        }
    }
}
