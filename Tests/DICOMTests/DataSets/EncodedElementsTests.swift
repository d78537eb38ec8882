import DICOM
import Testing

struct EncodedElementsTests {
    private static let last = Tag(0x7FDF_FFFF)
    private static let rules = SmallElements(
        longestValue: 64, longestWhole: 400, isStandardOnly: true, keepsText: false)

    /// With a group length, private elements, a private sequence, a long value, and pixels.
    private static var dataSet: DataSet {
        var item = DataSet()
        item.set(.referencedSOPInstanceUID, "1.2.3.9")
        item.set(Tag(0x0009_1001), .LO, "PRIVATE ")
        item.append(DataElement(tag: .imageType, vr: .LT, value: .bytes([UInt8](repeating: 65, count: 70)[...])))
        var dataSet = DataSet()
        dataSet.set(.specificCharacterSet, .CS, "ISO_IR 100")
        dataSet.set(.sopInstanceUID, "1.2.3.4")
        dataSet.set(.referencedSOPSequence, items: [item, DataSet(), item])
        dataSet.set(Tag(0x0009_0010), .LO, "SOMEBODY")
        dataSet.set(Tag(0x0009_1010), items: [item])
        dataSet.setEmpty(.patientName, .PN)
        dataSet.set(.patientID, .LO, "P 1/2")
        dataSet.append(
            DataElement(tag: Tag(0x0018_0010), vr: .UT, value: .bytes([UInt8](repeating: 66, count: 65)[...])))
        dataSet.set(.studyInstanceUID, "1.2.3")
        dataSet.setUInt16(Tag(0x0028_0103), 1)
        dataSet[.pixelData] = DataElement(tag: .pixelData, vr: .OW, value: .bytes([1, 2, 3, 4]))
        return dataSet
    }

    private static let bytes = DataSetEncoder(.explicitVRLittleEndian).encode(dataSet)

    private func kept(_ bytes: [UInt8], _ rules: SmallElements = rules) throws -> DataSet {
        let decoder = DataSetDecoder(.explicitVRLittleEndian)
        return try rules.kept(decoder.decodeBeginning(bytes[...], through: Self.last).dataSet)
    }

    @Test func `what is copied as it stands is what a decoder finds`() throws {
        let found = try #require(Self.rules.encoded(Self.bytes[...], through: Self.last, isWhole: true))
        #expect(found.isAscending)
        #expect(try found.dataSet == kept(Self.bytes))
        #expect(
            found.dataSet.elements.map(\.tag) == [
                .specificCharacterSet, .sopInstanceUID, .referencedSOPSequence, .patientName, .patientID,
                .studyInstanceUID,
                Tag(0x0028_0103),
            ])
        // Nothing depends on where the slice begins.
        let moved = ([1, 2, 3] + Self.bytes).dropFirst(3)
        #expect(Self.rules.encoded(moved, through: Self.last, isWhole: true) == found)
    }

    @Test(arguments: [1, 20, 60, 130, 200])
    func `no more is kept than there is room for`(room: Int) throws {
        let rules = SmallElements(longestValue: 64, longestWhole: room, isStandardOnly: true, keepsText: false)
        let found = try #require(rules.encoded(Self.bytes[...], through: Self.last, isWhole: true))
        #expect(try found.dataSet == kept(Self.bytes, rules))
        #expect(found.bytes.count <= room)
    }

    @Test func `bytes that end too early are not taken for the whole`() throws {
        let whole = try #require(Self.rules.encoded(Self.bytes[...], through: Self.last, isWhole: true))
        for cut in 0..<Self.bytes.count {
            let found = Self.rules.encoded(Self.bytes[..<cut], through: Self.last, isWhole: false)
            #expect(found == nil || found == whole, "cut at \(cut)")
        }
    }

    @Test(arguments: [NestedSamples.explicitGivenLength, NestedSamples.explicitUndefinedLength])
    func `sequences of either form are kept, up to the end of the data set`(bytes: [UInt8]) throws {
        let found = try #require(Self.rules.encoded(bytes[...], through: Self.last, isWhole: true))
        #expect(try found.dataSet == kept(bytes))
        #expect(Self.rules.encoded(bytes[...], through: Self.last, isWhole: false) == nil)
    }

    @Test func `what is out of order, odd or without a representation takes a decoder`() {
        let uid = EncodedElements(Self.dataSet).bytes[18..<34]
        for bytes in [
            Array(uid) + Self.bytes, [8, 0, 5, 0, 0x43, 0x53, 1, 0, 65] + Self.bytes.dropFirst(18),
            [8, 0, 5, 0, 0x3F, 0x3F, 2, 0, 65, 65] + Self.bytes.dropFirst(18),
        ] {
            #expect(Self.rules.encoded(bytes[...], through: Self.last, isWhole: true) == nil)
        }
    }

    @Test func `whatever the bytes, what is copied is what a decoder finds`() {
        var state: UInt64 = 5
        func random(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
        let decoder = DataSetDecoder(.explicitVRLittleEndian)
        var compared = 0
        for _ in 0..<5_000 {
            var bytes = Self.bytes
            for _ in 0...random(3) { bytes[random(bytes.count)] = UInt8(random(2) == 0 ? random(256) : random(20)) }
            guard let short = Self.rules.encoded(bytes[...], through: Self.last, isWhole: true) else { continue }
            #expect(short.isAscending)
            do throws(DataSetError) {
                let long = try decoder.decodeBeginning(bytes[...], through: Self.last).dataSet
                // The encoder makes values of odd length in items even.
                #expect(short.dataSet == EncodedElements(Self.rules.kept(long)).dataSet)
                compared += 1
            } catch {}
        }
        #expect(compared > 1_000)
    }

    @Test func `each element is found by its tag`() {
        let encoded = EncodedElements(Self.dataSet)
        for element in encoded.dataSet.elements { #expect(encoded[element.tag] == element) }
        #expect(encoded.dataSet.elements.count == Self.dataSet.elements.count)
        #expect(encoded[Tag(0x0010_0021)] == nil && encoded[Tag(0xFFFF_FFFF)] == nil && encoded[Tag(0)] == nil)
        #expect(encoded.uid(.studyInstanceUID) == "1.2.3" && encoded.string(.patientName) == nil)
    }

    @Test func `bytes that are no elements have none, wherever they are cut`() {
        let encoded = EncodedElements(Self.dataSet)
        var whole = 0
        for cut in 0..<encoded.bytes.count {
            let part = EncodedElements(bytes: Array(encoded.bytes[..<cut]))
            whole += part.isAscending ? 1 : 0
            #expect(part[.pixelData] == nil)
            #expect(part.difference(from: encoded).changes.isEmpty)
        }
        // At the beginning of each element.
        #expect(whole == Self.dataSet.elements.count)
        #expect(!EncodedElements(bytes: encoded.bytes + encoded.bytes).isAscending)
        #expect(EncodedElements(bytes: [UInt8](repeating: 0xFF, count: 40)).dataSet.isEmpty)
    }

    @Test func `a difference is applied to what it was taken from`() {
        var other = Self.dataSet
        other.set(.patientID, .LO, "OTHER ")
        other.remove(.sopInstanceUID)
        other.set(.modality, .CS, "CT")
        other.set(Tag(0x7FE0_0011), .LO, "LAST")
        let (one, two) = (EncodedElements(Self.dataSet), EncodedElements(other))
        for (own, base) in [(one, two), (two, one), (one, one), (one, EncodedElements()), (EncodedElements(), one)] {
            let (changes, removed) = own.difference(from: base)
            #expect(changes.applied(to: base, removing: removed) == own)
        }
        let (changes, removed) = two.difference(from: one)
        #expect(changes.dataSet.elements.map(\.tag) == [.modality, .patientID, Tag(0x7FE0_0011)])
        #expect(removed == [.sopInstanceUID])
    }
}
