import DICOM
import DICOMProtocol
import Testing

@testable import CommandLineInterface

struct QueryFileTests {
    @Test func `a stored query is a whole file that reads back as the query`() throws {
        let query = try identifier(["10,20=*", "10,10"])
        let sopClass = InformationModel.patientRoot.findSOPClass
        let bytes = QueryFile.encode(query, sopClass: sopClass, instance: "2.25.1")
        #expect(bytes.prefix(128).allSatisfy { $0 == 0 })
        #expect(Array(bytes[128..<132]) == Array("DICM".utf8))
        let (meta, offset) = try FileMetaInformation.decode(bytes[...])
        #expect(meta.mediaStorageSOPClassUID == sopClass)
        #expect(meta.mediaStorageSOPInstanceUID == "2.25.1")
        #expect(meta.transferSyntax == .implicitVRLittleEndian)
        let data = try DataSetDecoder(.implicitVRLittleEndian).decode(bytes[offset...])
        #expect(data == query)
        // Implicit VR: tag, length of 32 bits, value.
        let expected: [UInt8] =
            [0x08, 0x00, 0x05, 0x00, 10, 0, 0, 0] + Array("ISO_IR 192".utf8)
            + [0x08, 0x00, 0x52, 0x00, 8, 0, 0, 0] + Array("PATIENT ".utf8)
            + [0x10, 0x00, 0x10, 0x00, 0, 0, 0, 0]
            + [0x10, 0x00, 0x20, 0x00, 2, 0, 0, 0] + Array("* ".utf8)
        #expect(Array(bytes[offset...]) == expected)
    }

    @Test func `generated UIDs are valid below every root`() {
        let full: UIDGenerator.UUIDBytes = (
            255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255
        )
        let none: UIDGenerator.UUIDBytes = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        let one: UIDGenerator.UUIDBytes = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1)
        #expect(UIDGenerator(root: nil).makeUID(from: full) == "2.25.340282366920938463463374607431768211455")
        #expect(UIDGenerator(root: nil).makeUID(from: none) == "2.25.0")
        #expect(UIDGenerator(root: "1.2.3").makeUID(from: one) == "1.2.3.257")
        let longest = UID("1." + String(repeating: "9", count: UIDGenerator.maximumRootLength - 2))
        for uuid in [full, none, one] {
            for root in [nil, "1.2", longest] as [UID?] {
                let uid = UIDGenerator(root: root).makeUID(from: uuid)
                #expect(uid.isValid, "\(uid)")
            }
        }
    }
}
