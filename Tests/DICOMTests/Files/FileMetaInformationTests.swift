import DICOM
import Testing

struct FileMetaInformationTests {
    private static let golden =
        [UInt8](repeating: 0, count: 128)
        + hexadecimal(
            """
            44 49 43 4D                                     # DICM
            02 00 00 00 55 4C 04 00 4E 00 00 00             # group length, 78
            02 00 01 00 4F 42 00 00 02 00 00 00 00 01       # version
            02 00 02 00 55 49 04 00 31 2E 32 00             # SOP class 1.2
            02 00 03 00 55 49 04 00 31 2E 33 00             # SOP instance 1.3
            02 00 10 00 55 49 06 00 31 2E 32 2E 39 00       # transfer syntax 1.2.9
            02 00 12 00 55 49 04 00 31 2E 34 00             # implementation class 1.4
            02 00 13 00 53 48 06 00 44 43 4D 53 43 55       # implementation version DCMSCU
            """)

    private static let meta = FileMetaInformation(
        mediaStorageSOPClassUID: "1.2", mediaStorageSOPInstanceUID: "1.3", transferSyntax: TransferSyntax("1.2.9"),
        implementationClassUID: "1.4", implementationVersionName: "DCMSCU")

    @Test func `it is written as the standard lays it out`() {
        #expect(Self.meta.encode() == Self.golden)
    }

    @Test func `it is read back and tells where the data set begins`() throws {
        let (meta, offset) = try FileMetaInformation.decode((Self.golden + [0x08, 0x00, 0x05, 0x00])[...])
        #expect(meta == Self.meta)
        #expect(offset == Self.golden.count)
        #expect(try FileMetaInformation.decode(([7] + Self.golden).dropFirst()).dataSetOffset == Self.golden.count)
    }

    @Test func `our own identity stands in a new one`() throws {
        let new = FileMetaInformation(
            mediaStorageSOPClassUID: "1.2", mediaStorageSOPInstanceUID: "1.3", transferSyntax: .explicitVRLittleEndian,
            sourceApplicationEntityTitle: "DCMSCU")
        let read = try FileMetaInformation.decode(new.encode()[...]).meta
        #expect(read == new)
        #expect(read.implementationClassUID == ImplementationIdentity.classUID)
        #expect(read.implementationVersionName == ImplementationIdentity.versionName)
        #expect(read.sourceApplicationEntityTitle == "DCMSCU")
    }

    @Test func `other elements of the group are kept`() throws {
        var meta = Self.meta
        meta.otherElements.set(Tag(0x0002_0017), .AE, "SENDER")
        meta.otherElements.append(DataElement(tag: Tag(0x0002_0102), vr: .OB, value: .bytes([1, 2])))
        let read = try FileMetaInformation.decode(meta.encode()[...]).meta
        #expect(read == meta)
    }

    @Test func `what is cut is truncated`() throws {
        for cut in 1..<Self.golden.count {
            let error = try #require(throws: DataSetError.self) {
                _ = try FileMetaInformation.decode(Self.golden[..<cut])
            }
            #expect(error.code == .truncated, "cut at \(cut)")
        }
    }

    @Test(arguments: [0, 1, 12, 0xFFFF_FFFF as UInt32])
    func `a wrong group length does not matter when more follows`(length: UInt32) throws {
        var bytes = Self.golden + [0x08, 0x00, 0x05, 0x00]
        for byte in 0..<4 {
            bytes[140 + byte] = UInt8(truncatingIfNeeded: length >> (8 * byte))
        }
        #expect(try FileMetaInformation.decode(bytes[...]).dataSetOffset == Self.golden.count)
    }

    @Test func `a group without preamble is found`() throws {
        let (meta, offset) = try FileMetaInformation.decode(Self.golden.dropFirst(132))
        #expect(meta == Self.meta)
        #expect(offset == Self.golden.count - 132)
    }

    @Test func `a group in Implicit VR is read`() throws {
        let bytes = Self.golden.prefix(132) + hexadecimal("02 00 10 00 06 00 00 00 31 2E 32 2E 39 00 08 00 05 00")
        let (meta, offset) = try FileMetaInformation.decode(bytes)
        #expect(meta.transferSyntax == TransferSyntax("1.2.9"))
        #expect(offset == 146)
        #expect(meta.mediaStorageSOPClassUID == "")
    }

    @Test func `without a transfer syntax the data set tells it`() throws {
        let head = Self.golden.prefix(132) + hexadecimal("02 00 02 00 55 49 04 00 31 2E 32 00")
        let explicit = head + hexadecimal("08 00 16 00 55 49 04 00 31 2E 32 00")
        let bigEndian = head + hexadecimal("00 08 00 16 55 49 00 04 31 2E 32 00")
        let implicit = head + hexadecimal("08 00 16 00 04 00 00 00 31 2E 32 00")
        #expect(try FileMetaInformation.decode(explicit).meta.transferSyntax == .explicitVRLittleEndian)
        #expect(try FileMetaInformation.decode(bigEndian).meta.transferSyntax == .explicitVRBigEndian)
        #expect(try FileMetaInformation.decode(implicit).meta.transferSyntax == .implicitVRLittleEndian)
    }

    @Test(arguments: [
        ([], DataSetError.Code.notDICOM), ([UInt8](repeating: 0x20, count: 200), .notDICOM),
        (Array(golden.prefix(132)) + [0x08, 0x00, 0x05, 0x00, 0x43, 0x53], .metaInformationMissing),
    ])
    func `what has no group 0002 is told apart`(bytes: [UInt8], code: DataSetError.Code) throws {
        let error = try #require(throws: DataSetError.self) { _ = try FileMetaInformation.decode(bytes[...]) }
        #expect(error.code == code)
    }
}
