import DICOM
import DICOMProtocol
import Testing

@testable import CommandLineInterface

struct QuerySourceTests {
    private func parse(_ text: String) throws -> [QuerySource.Content] {
        try QuerySource.parse(Array(text.utf8), name: "q")
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
        #expect(try QuerySource.parse(bytes, name: "q") == [.dataSet(dataSet, sopClass: sopClass)])
    }

    @Test func `a preamble without meta information is read as gdcmscu writes it`() throws {
        var dataSet = DataSet()
        dataSet.set(.specificCharacterSet, .CS, "ISO_IR 192")
        let bytes =
            [UInt8](repeating: 0, count: 128) + Array("DICM".utf8)
            + DataSetEncoder(.implicitVRLittleEndian).encode(dataSet)
        #expect(try QuerySource.parse(bytes, name: "q") == [.dataSet(dataSet, sopClass: nil)])
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

struct QueryPlacementCheckTests {
    private func complaints(
        _ model: InformationModel, _ level: QueryLevel, _ path: [UInt32], _ negotiation: QueryNegotiation = []
    ) -> [String] {
        QueryPlacementCheck(model: model, level: level, negotiation: negotiation)
            .complaints(about: [path.map { Tag($0) }]).map { "\($0.name): \($0.why)" }
    }

    private static let inPlace: [(InformationModel, QueryLevel, [UInt32])] = [
        (.studyRoot, .study, [0x0010_0010]), (.studyRoot, .series, [0x0020_000D]), (.studyRoot, .study, [0x0008_0005]),
        (.studyRoot, .study, [0x0008_0054]), (.patientRoot, .image, [0x0010_0020]),
        (.modalityWorklist, .study, [0x0040_0100, 0x0008_0060]), (.modalityWorklist, .study, [0x0010_0010]),
        (.studyRoot, .study, [0x0008_1032, 0x0008_0100]),
    ]

    @Test(arguments: inPlace)
    func `keys of the level, unique keys above and general ones are no matter`(
        _ model: InformationModel, _ level: QueryLevel, _ path: [UInt32]
    ) {
        #expect(complaints(model, level, path).isEmpty)
    }

    private static let outOfPlace: [(InformationModel, QueryLevel, [UInt32], String)] = [
        (.studyRoot, .study, [0x0008_0060], "SERIES"), (.studyRoot, .series, [0x0010_0010], "--relational"),
        (.studyRoot, .study, [0x0018_0050], "not a key"),
        (.modalityWorklist, .study, [0x0040_0001], "ScheduledProcedureStepSequence.ScheduledStationAETitle"),
        (.modalityWorklist, .study, [0x0040_0100, 0x0010_0010], "outside of sequences"),
        (.modalityWorklist, .study, [0x0018_0050], "worklist"),
    ]

    @Test(arguments: outOfPlace)
    func `keys of elsewhere are told with where they belong`(
        _ model: InformationModel, _ level: QueryLevel, _ path: [UInt32], _ words: String
    ) {
        let found = complaints(model, level, path)
        #expect(found.count == 1)
        #expect(found.first?.contains(words) == true, "\(found)")
    }

    @Test func `a relational query takes keys of the levels above`() {
        #expect(complaints(.studyRoot, .series, [0x0010_0010], .relational).isEmpty)
    }
}
