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

    private func parse(_ text: String) throws -> [QueryFile.Content] {
        try QueryFile.parse(Array(text.utf8), name: "q")
    }

    @Test func `text has a key a line, comments, and an empty line between queries`() throws {
        let queries = try parse("# all of them\nPatientName=DOE*\r\n  0010,0020\n\n\n8,20=today\n")
        #expect(queries.count == 2)
        guard case .keys(let first) = queries[0], case .keys(let second) = queries[1] else {
            Issue.record("no keys")
            return
        }
        #expect(first.map(\.tag) == [.patientName, Tag(0x0010_0020)])
        #expect(first.first?.value == "DOE*")
        #expect(second.map(\.value) == ["today"])
    }

    @Test func `what --store-query writes is read again`() throws {
        var dataSet = DataSet()
        dataSet.set(.queryRetrieveLevel, .CS, "SERIES")
        dataSet.set(.studyInstanceUID, UID("1.2.3"))
        let sopClass = InformationModel.patientRoot.findSOPClass
        let bytes = QueryFile.encode(dataSet, sopClass: sopClass, instance: "1.2")
        #expect(try QueryFile.parse(bytes, name: "q") == [.dataSet(dataSet, sopClass: sopClass)])
    }

    @Test func `a preamble without meta information is read as gdcmscu writes it`() throws {
        var dataSet = DataSet()
        dataSet.set(.specificCharacterSet, .CS, "ISO_IR 192")
        let bytes =
            [UInt8](repeating: 0, count: 128) + Array("DICM".utf8)
            + DataSetEncoder(.implicitVRLittleEndian).encode(dataSet)
        #expect(try QueryFile.parse(bytes, name: "q") == [.dataSet(dataSet, sopClass: nil)])
    }

    @Test func `JSON holds one data set, an array, or one a line`() throws {
        let object = #"{"00100020":{"vr":"LO","Value":["1"]}}"#
        #expect(try parse(object).count == 1)
        #expect(try parse("[\(object),\(object)]").count == 2)
        #expect(try parse("\(object)\n\(object)\n\(object)").count == 3)
    }

    @Test(arguments: [
        "", "\n\n", "# only a comment", "StudyDat=1", "{", "[1]", "\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}",
    ])
    func `what is no query is an error that names the file`(_ text: String) {
        let error = #expect(throws: UsageError.self) { try parse(text) }
        #expect(error?.problem.contains("q") == true)
        #expect(error?.option == "--query")
    }

    @Test func `text is taken over into another character set, nested text too`() throws {
        var item = DataSet()
        item.append(DataElement(tag: .patientName, vr: .PN, value: .bytes(Array("Müller ".utf8)[...])))
        var source = DataSet()
        source.set(.specificCharacterSet, .CS, "ISO_IR 192")
        source.set(Tag(0x0040_0100), items: [item])
        var target = DataSet()
        let latin1 = try SpecificCharacterSet(definedTerms: ["ISO_IR 100"])
        try QueryTranscoder(from: .utf8, to: latin1).append(source, to: &target)
        #expect(
            target.items(Tag(0x0040_0100))?.first?.bytes(.patientName) == [
                0x4D, 0xFC, 0x6C, 0x6C, 0x65, 0x72, 0x20, 0x20,
            ])
        #expect(target[.specificCharacterSet] == nil)
    }
}
