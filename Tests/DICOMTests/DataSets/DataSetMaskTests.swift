import Testing

@testable import DICOM

struct DataSetMaskTests {
    private static let secrets = ["DOE^JANE", "ID-4711", "19700101", "ACC-0815", "Fracture of", "hidden in private"]

    private static func sample(pixels: Int = 4_000) -> DataSet {
        var item = DataSet()
        item.set(.patientName, .PN, "DOE^JANE")
        item.set(.referencedSOPInstanceUID, "1.2.3.9")
        var dataSet = DataSet()
        dataSet.set(.specificCharacterSet, .CS, "ISO_IR 100")
        dataSet.set(.sopInstanceUID, "1.2.3.4")
        dataSet.set(.studyDate, .DA, "20260131")
        dataSet.set(.accessionNumber, .SH, "ACC-0815")
        dataSet.set(.modality, .CS, "CT")
        dataSet.set(.studyDescription, .LO, "Fracture of")
        dataSet.set(.referencedSOPSequence, items: [item])
        dataSet.set(.patientName, .PN, "DOE^JANE")
        dataSet.set(.patientID, .LO, "ID-4711")
        dataSet.set(Tag(0x0010_0030), .DA, "19700101")
        dataSet.set(Tag(0x0011_0010), .LO, "CREATOR")
        dataSet.set(Tag(0x0011_1001), .UN, "hidden in private ")
        dataSet.set(.studyInstanceUID, "1.2.3")
        dataSet[.pixelData] = DataElement(
            tag: .pixelData, vr: .OW, value: .bytes([UInt8](repeating: 0x5A, count: pixels)[...]))
        return dataSet
    }

    /// The bytes behind the mask, and the places that need not be kept, when they come in pieces.
    private static func masked(
        _ bytes: [UInt8], _ mask: DataSetMask, step: Int = .max
    ) -> (bytes: [UInt8], cut: Set<Int>) {
        var (bytes, mask) = (bytes, mask)
        var cut: Set<Int> = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, step < bytes.count - start ? start + step : bytes.count)
            let ranges = bytes.withUnsafeMutableBytes {
                mask.apply(to: UnsafeMutableRawBufferPointer(rebasing: $0[start..<end]))
            }
            for range in ranges { cut.formUnion(range.lowerBound + start..<range.upperBound + start) }
            start = end
        }
        return (bytes, cut)
    }

    private static func holds(_ text: String, _ bytes: [UInt8]) -> Bool {
        let text = Array(text.utf8)
        return bytes.indices.contains { bytes[$0...].starts(with: text) }
    }

    static let native: [TransferSyntax] = [.implicitVRLittleEndian, .explicitVRLittleEndian, .explicitVRBigEndian]

    @Test(arguments: native) func `patient data are hidden in place and all else is as it was`(
        syntax: TransferSyntax
    ) throws {
        let encoded = DataSetEncoder(syntax).encode(Self.sample())
        let (bytes, cut) = Self.masked(encoded, DataSetMask(syntax, hides: true, kept: 100))
        #expect(bytes.count == encoded.count)
        for secret in Self.secrets {
            #expect(Self.holds(secret, encoded), "\(secret)")
            #expect(!Self.holds(secret, bytes), "\(secret)")
        }
        let decoded = try DataSetDecoder(syntax).decode(bytes[...])
        #expect(decoded.strings(.patientName) == ["********"])
        #expect(decoded.strings(Tag(0x0010_0030)) == ["********"])
        for (tag, value) in [
            (Tag.sopInstanceUID, "1.2.3.4"), (.studyDate, "20260131"), (.modality, "CT"), (.studyInstanceUID, "1.2.3"),
        ] { #expect(decoded.strings(tag) == [value]) }
        // The first of the pixels stay, the others need not be kept and are none any more.
        #expect(cut == Set(bytes.count - 3_900..<bytes.count))
        #expect(bytes[(bytes.count - 4_000)..<(bytes.count - 3_900)].allSatisfy { $0 == 0x5A })
        #expect(bytes[(bytes.count - 3_900)...].allSatisfy { $0 == 0 })
    }

    @Test(arguments: native) func `pieces of any size are hidden as one`(syntax: TransferSyntax) {
        let encoded = DataSetEncoder(syntax).encode(Self.sample(pixels: 300))
        let whole = Self.masked(encoded, DataSetMask(syntax, hides: true, kept: 100))
        for step in 8...encoded.count {
            let pieces = Self.masked(encoded, DataSetMask(syntax, hides: true, kept: 100), step: step)
            #expect(pieces.bytes == whole.bytes, "\(step)")
            #expect(pieces.cut == whole.cut, "\(step)")
        }
    }

    @Test func `what is not to be hidden stays, but for the pixels`() {
        let encoded = DataSetEncoder(.explicitVRLittleEndian).encode(Self.sample())
        let (bytes, cut) = Self.masked(encoded, DataSetMask(.explicitVRLittleEndian, hides: false, kept: 0))
        #expect(bytes[..<(bytes.count - 4_000)] == encoded[..<(bytes.count - 4_000)])
        #expect(cut.count == 4_000)
    }

    @Test func `compressed pixels are left out with the headers of their fragments`() {
        var dataSet = Self.sample()
        let frame = [UInt8](repeating: 7, count: 1_000)[...]
        dataSet[.pixelData] = DataElement(tag: .pixelData, vr: .OB, value: .fragments([[], frame, frame]))
        let encoded = DataSetEncoder(.jpegBaseline8Bit).encode(dataSet)
        let (_, cut) = Self.masked(encoded, DataSetMask(.jpegBaseline8Bit, hides: true, kept: 64))
        // Three fragments and the delimiter have a header each.
        #expect(cut.count == 2_000 + 4 * 8 - 64)
        #expect(cut.max() == encoded.count - 1)
    }

    @Test(arguments: native) func `another encoding than the agreed one is read as what it is`(agreed: TransferSyntax) {
        for sent in Self.native {
            let encoded = DataSetEncoder(sent).encode(Self.sample())
            let (bytes, _) = Self.masked(encoded, DataSetMask(agreed, hides: true, kept: 16))
            for secret in Self.secrets { #expect(!Self.holds(secret, bytes), "\(sent): \(secret)") }
            #expect(Self.holds("20260131", bytes), "\(sent)")
        }
    }

    @Test func `what cannot be read is hidden as a whole`() {
        let encoded = DataSetEncoder(.explicitVRLittleEndian).encode(Self.sample())
        for syntax in [nil, TransferSyntax.deflatedExplicitVRLittleEndian] {
            let (bytes, _) = Self.masked(encoded, DataSetMask(syntax, hides: true, kept: .max))
            #expect(bytes.allSatisfy { $0 == 0 })
        }
        let nonsense = Array("NOT A DATA SET, BUT OF DOE^JANE".utf8)
        let (bytes, _) = Self.masked(nonsense, DataSetMask(.explicitVRLittleEndian, hides: true, kept: .max))
        #expect(bytes.allSatisfy { $0 == 0 })
    }

    @Test func `what becomes unreadable is hidden from there on`() {
        var dataSet = DataSet()
        dataSet.set(.modality, .CS, "CT")
        let encoded =
            DataSetEncoder(.explicitVRLittleEndian).encode(dataSet) + Array("????DOE^JANE AND HER NUMBERS".utf8)
        let (bytes, _) = Self.masked(encoded, DataSetMask(.explicitVRLittleEndian, hides: true, kept: .max))
        #expect(Self.holds("CT", bytes))
        #expect(!Self.holds("JANE", bytes))
    }

    @Test func `nothing that a peer sends is a trap`() {
        let encoded = DataSetEncoder(.implicitVRLittleEndian).encode(Self.sample(pixels: 64))
        for index in encoded.indices {
            var broken = encoded
            for value: UInt8 in [0x00, 0x7F, 0xFF] {
                broken[index] = value
                for syntax in Self.native {
                    let (bytes, cut) = Self.masked(broken, DataSetMask(syntax, hides: true, kept: 3), step: 11)
                    #expect(bytes.count == broken.count)
                    #expect(cut.allSatisfy(bytes.indices.contains))
                }
            }
        }
    }

    @Test func `the comment of a command is hidden, its UIDs are not`() {
        let uid = Array("1.2.3.4\0".utf8)
        let comment = Array("no room for JANE".utf8)
        let command: [UInt8] =
            [0, 0, 0, 1, 2, 0, 0, 0, 1, 0x80, 0, 0, 2, 9, 16, 0, 0, 0] + comment + [0, 0, 0, 0x10, 8, 0, 0, 0] + uid
        let (bytes, cut) = Self.masked(command, DataSetMask(ofCommandHiding: true))
        #expect(!Self.holds("JANE", bytes))
        #expect(Self.holds("1.2.3.4", bytes))
        #expect(cut.isEmpty)
    }
}
