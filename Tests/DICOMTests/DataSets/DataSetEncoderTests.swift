import DICOM
import Testing

struct DataSetEncoderTests {
    @Test(arguments: TransferSyntax.uncompressed)
    func `nested items come back as they were`(syntax: TransferSyntax) throws {
        let dataSet = try DataSetDecoder(.explicitVRLittleEndian).decode(NestedSamples.explicitGivenLength[...])
        let bytes = DataSetEncoder(syntax).encode(dataSet)
        #expect(try DataSetDecoder(syntax).decode(bytes[...]) == dataSet)
    }

    @Test func `sequences and items get defined lengths`() throws {
        let dataSet = try DataSetDecoder(.explicitVRLittleEndian).decode(NestedSamples.explicitUndefinedLength[...])
        #expect(
            DataSetEncoder(.explicitVRLittleEndian).encode(dataSet)
                == hexadecimal(
                    """
                    08 00 99 11 53 51 00 00 22 00 00 00 # 34 bytes
                    FE FF 00 E0 0A 00 00 00
                    08 00 60 00 43 53 02 00 43 54
                    FE FF 00 E0 08 00 00 00
                    10 00 20 00 4C 4F 00 00
                    10 00 20 00 4C 4F 02 00 49 44
                    """))
        #expect(
            DataSetEncoder(.explicitVRBigEndian).encode(dataSet).prefix(20)
                == hexadecimal("00 08 11 99 53 51 00 00 00 00 00 22 FF FE E0 00 00 00 00 0A")[...])
    }

    @Test func `a sequence without items has length zero`() {
        var dataSet = DataSet()
        dataSet.set(.referencedSOPSequence, items: [])
        #expect(
            DataSetEncoder(.explicitVRLittleEndian).encode(dataSet)
                == hexadecimal("08 00 99 11 53 51 00 00 00 00 00 00"))
        dataSet.set(.referencedSOPSequence, items: [DataSet()])
        #expect(
            DataSetEncoder(.implicitVRLittleEndian).encode(dataSet)
                == hexadecimal("08 00 99 11 08 00 00 00 FE FF 00 E0 00 00 00 00"))
    }

    @Test func `a private sequence is still one after Implicit VR`() throws {
        var item = DataSet()
        item.set(.patientID, .LO, "ID")
        var dataSet = DataSet()
        dataSet.set(Tag(0x0009_1001), items: [item])
        let bytes = DataSetEncoder(.implicitVRLittleEndian).encode(dataSet)
        #expect(try DataSetDecoder(.implicitVRLittleEndian).decode(bytes[...]) == dataSet)
    }

    @Test func `group lengths are left out, in items too`() throws {
        var item = DataSet()
        item.append(DataElement(tag: Tag(0x0008_0000), vr: .UL, value: .bytes([99, 0, 0, 0])))
        item.set(.modality, .CS, "CT")
        var dataSet = item
        dataSet.set(.referencedSOPSequence, items: [item])
        let bytes = DataSetEncoder(.explicitVRLittleEndian).encode(dataSet)
        let read = try DataSetDecoder(.explicitVRLittleEndian).decode(bytes[...])
        #expect(read.elements.map(\.tag) == [.modality, .referencedSOPSequence])
        #expect(read.items(.referencedSOPSequence)?.first?.elements.map(\.tag) == [.modality])
    }

    @Test(arguments: [
        (ValueRepresentation.LO, UInt8(0x20)), (.UI, 0x00), (.OB, 0x00), (.UN, 0x00), (.UT, 0x20),
    ])
    func `an odd value is padded by its representation`(vr: ValueRepresentation, padding: UInt8) throws {
        var dataSet = DataSet()
        dataSet.append(DataElement(tag: .patientID, vr: vr, value: .bytes([0x31])))
        let bytes = DataSetEncoder(.explicitVRLittleEndian).encode(dataSet)
        #expect(bytes.suffix(2) == [0x31, padding])
        #expect(try DataSetDecoder(.explicitVRLittleEndian).decode(bytes[...]).bytes(.patientID) == [0x31, padding])
    }

    @Test func `an odd fragment is padded`() throws {
        var dataSet = DataSet()
        dataSet.append(DataElement(tag: .pixelData, vr: .OB, value: .fragments([[], [0xD8, 0xD9, 0x01]])))
        let bytes = DataSetEncoder(.jpegBaseline8Bit).encode(dataSet)
        let read = try DataSetDecoder(.jpegBaseline8Bit).decode(bytes[...])
        #expect(read[.pixelData]?.value == .fragments([[], [0xD8, 0xD9, 0x01, 0x00]]))
    }

    @Test(arguments: [TransferSyntax.explicitVRLittleEndian, .explicitVRBigEndian])
    func `a value too long for the short form is written as unknown, little endian`(syntax: TransferSyntax) throws {
        let value = (0..<65_536).map { UInt8(truncatingIfNeeded: $0) }
        var dataSet = DataSet()
        dataSet.append(DataElement(tag: Tag(0x0028_1201), vr: .US, value: .bytes(value[...])))
        let bytes = DataSetEncoder(syntax).encode(dataSet)
        let read = try DataSetDecoder(syntax).decode(bytes[...])
        #expect(read[Tag(0x0028_1201)] == DataElement(tag: Tag(0x0028_1201), vr: .UN, value: .bytes(value[...])))
        dataSet.append(DataElement(tag: Tag(0x0028_1201), vr: .US, value: .bytes(value.dropLast(2))))
        #expect(try DataSetDecoder(syntax).decode(DataSetEncoder(syntax).encode(dataSet)[...]) == dataSet)
    }

    @Test func `encoding appends to what is there`() {
        var dataSet = DataSet()
        dataSet.set(.modality, .CS, "CT")
        for syntax in TransferSyntax.uncompressed {
            var output: [UInt8] = [1, 2, 3]
            DataSetEncoder(syntax).encode(dataSet, into: &output)
            #expect(output.prefix(3) == [1, 2, 3])
            #expect(Array(output.dropFirst(3)) == DataSetEncoder(syntax).encode(dataSet))
        }
    }
}
