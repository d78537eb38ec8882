import DICOM
import DICOMProtocol
import Testing

@testable import CommandLineInterface

struct QueryAssemblyTests {
    private func query(
        _ keys: [String], from content: QueryFile.Content = .keys([]), isStrict: Bool = false,
        level: QueryLevel? = nil, model: InformationModel? = nil
    ) throws -> Query {
        var options = QueryOptions()
        options.keys = try keys.map { try QueryKeyParser.parse($0) }
        options.isStrict = isStrict
        options.scope.levels = level.map { [$0] } ?? []
        options.scope.model = model
        return try QueryAssembly(
            options: options, negotiation: [], today: .epoch, localeCharacterSet: "ISO_IR 192"
        ).query(from: content)
    }

    private func file(_ level: QueryLevel, _ sopClass: UID? = nil) -> QueryFile.Content {
        var dataSet = DataSet()
        dataSet.set(.queryRetrieveLevel, .CS, level.rawValue)
        dataSet.set(.patientID, .LO, "FILE")
        return .dataSet(dataSet, sopClass: sopClass)
    }

    @Test func `a key of the command line replaces that of the file`() throws {
        #expect(try query([], from: file(.study)).identifier.string(.patientID) == "FILE")
        #expect(try query(["PatientID=A"], from: file(.study)).identifier.string(.patientID) == "A")
        let line = QueryFile.Content.keys([try QueryKeyParser.parse("PatientID=LINE")])
        #expect(try query(["PatientID=A"], from: line).identifier.string(.patientID) == "A")
    }

    @Test func `level and model are those of the file, unless the command line chooses them`() throws {
        let ofFile = try query([], from: file(.series, InformationModel.patientRoot.findSOPClass))
        #expect(ofFile.level == .series && ofFile.model == .patientRoot)
        let chosen = try query([], from: file(.series), level: .image, model: .studyRoot)
        #expect(chosen.level == .image && chosen.model == .studyRoot)
        #expect(chosen.identifier.string(.queryRetrieveLevel) == "IMAGE")
        #expect(try query([], from: file(.patient)).model == .patientRoot)
    }

    @Test func `a level that the chosen model lacks is an error`() throws {
        let error = try #require(throws: UsageError.self) { _ = try query([], from: file(.patient), model: .studyRoot) }
        #expect(error.code == .conflictingOptions)
    }

    @Test func `misplaced keys are returned, or an error if the options are strict`() throws {
        #expect(try query(["Modality=CT"]).complaints.map(\.name) == ["Modality (0008,0060)"])
        let error = try #require(throws: UsageError.self) { _ = try query(["Modality=CT"], isStrict: true) }
        #expect(error.code == .misplacedKey)
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
