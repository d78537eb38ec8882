import DICOM
import Testing

struct DataSetPrefixTests {
    private static let dataSet = {
        var dataSet = DataSet()
        dataSet.set(.sopClassUID, "1.2.3")
        dataSet.set(.referencedSOPSequence, items: [dataSet])
        dataSet.set(.studyInstanceUID, "1.2.4")
        dataSet.set(.rows, .US, "ab")
        return dataSet
    }()

    @Test(arguments: TransferSyntax.uncompressed)
    func `a prefix ends behind the element asked for`(syntax: TransferSyntax) throws {
        let bytes = DataSetEncoder(syntax).encode(Self.dataSet)
        let prefix = try DataSetDecoder(syntax).decodePrefix(bytes[...], through: .studyInstanceUID)
        #expect(prefix.elements.map(\.tag) == [.sopClassUID, .referencedSOPSequence, .studyInstanceUID])
        #expect(try DataSetDecoder(syntax).decodePrefix(bytes[...], through: .pixelData).elements.count == 4)
        #expect(try DataSetDecoder(syntax).decodePrefix([], through: .pixelData).isEmpty)
    }

    @Test(arguments: TransferSyntax.uncompressed.filter { !$0.isDeflated })
    func `a prefix that is cut holds its complete elements`(syntax: TransferSyntax) throws {
        let bytes = DataSetEncoder(syntax).encode(Self.dataSet)
        var longest = 0
        for cut in 0...bytes.count {
            let prefix = try DataSetDecoder(syntax).decodePrefix(bytes[..<cut], through: .pixelData)
            #expect(prefix.elements.count >= longest)
            #expect(prefix.elements.map(\.tag) == Self.dataSet.elements.prefix(prefix.elements.count).map(\.tag))
            longest = prefix.elements.count
        }
        #expect(longest == 4)
    }

    @Test(arguments: TransferSyntax.uncompressed.filter { !$0.isDeflated })
    func `a prefix that is cut in a sequence has nothing of its items`(syntax: TransferSyntax) throws {
        var item = DataSet()
        item.set(.patientID, .LO, "WRONG")
        item.set(.patientSex, .CS, "O")
        var dataSet = DataSet()
        dataSet.set(.modality, .CS, "CT")
        dataSet.set(.referencedSOPSequence, items: [item])
        let bytes = DataSetEncoder(syntax).encode(dataSet)
        let decoder = DataSetDecoder(syntax)
        for cut in 10..<bytes.count {
            for wanted in [nil, [.modality, .patientID]] as [[Tag]?] {
                let found = try decoder.decodeBeginning(bytes[..<cut], through: .patientSex, only: wanted).dataSet
                #expect(found.elements.map(\.tag) == [.modality], "cut at \(cut)")
            }
        }
    }

    @Test(arguments: TransferSyntax.uncompressed)
    func `a prefix is complete where an element beyond the last one is seen`(syntax: TransferSyntax) throws {
        let bytes = DataSetEncoder(syntax).encode(Self.dataSet)
        let decoder = DataSetDecoder(syntax)
        #expect(try decoder.decodeBeginning(bytes[...], through: .studyInstanceUID).isComplete)
        #expect(try !decoder.decodeBeginning(bytes[...], through: .rows).isComplete)
        #expect(try !decoder.decodeBeginning(bytes.prefix(20), through: .studyInstanceUID).isComplete)
    }

    @Test(arguments: TransferSyntax.uncompressed.filter { !$0.isDeflated })
    func `a prefix has the wanted elements wherever they stand`(syntax: TransferSyntax) throws {
        func element(_ tag: Tag, _ text: String) -> [UInt8] {
            var dataSet = DataSet()
            dataSet.set(tag, .LO, text)
            return DataSetEncoder(syntax).encode(dataSet)
        }
        let bytes =
            element(.modality, "CT") + element(.manufacturer, "M1") + element(.patientName, "N1")
            + element(.patientID, "P1") + element(.manufacturer, "M2") + element(.patientID, "P2")
            + element(.patientBirthDate, "19700101")
        let decoder = DataSetDecoder(syntax)
        for wanted in [[], [.manufacturer], [.manufacturer, .patientID], [.patientID], [.patientSex]] as [[Tag]] {
            let all = try decoder.decodeBeginning(bytes[...], through: .patientID)
            let some = try decoder.decodeBeginning(bytes[...], through: .patientID, only: wanted)
            #expect(some.isComplete == all.isComplete)
            for tag in wanted { #expect(some.dataSet[tag] == all.dataSet[tag]) }
            #expect(some.dataSet.elements.count < all.dataSet.elements.count || syntax != .explicitVRLittleEndian)
        }
    }

    @Test func `a deflated prefix that is cut is read as far as it goes`() throws {
        var dataSet = DataSet()
        for number in UInt32(0)..<2_000 {
            dataSet.append(
                DataElement(
                    tag: Tag(0x0072_0000 + 2 * number + 1), vr: .UL,
                    value: .bytes(withUnsafeBytes(of: (number &* 2_654_435_761).littleEndian) { Array($0)[...] })))
        }
        let bytes = DataSetEncoder(.deflatedExplicitVRLittleEndian).encode(dataSet)
        let decoder = DataSetDecoder(.deflatedExplicitVRLittleEndian)
        let prefix = try decoder.decodePrefix(bytes.prefix(bytes.count / 2), through: .pixelData)
        #expect((1..<2_000).contains(prefix.elements.count))
        #expect(throws: DataSetError.self) { try decoder.decode(bytes.prefix(bytes.count / 2)) }
    }

    @Test func `what is wrong, and not merely cut, is an error in a prefix too`() throws {
        let bytes = hexadecimal("08 00 60 00 02 00 00 00 43 54")
        let error = try #require(throws: DataSetError.self) {
            _ = try DataSetDecoder(.explicitVRLittleEndian).decodePrefix(bytes[...], through: .pixelData)
        }
        #expect(error.code == .unknownVR)
    }
}
