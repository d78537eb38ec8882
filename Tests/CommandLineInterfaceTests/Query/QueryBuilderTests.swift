import DICOM
import DICOMProtocol
import Testing

@testable import CommandLineInterface

/// The identifier that keys make.
func identifier(
    _ keys: [String], model: InformationModel = .patientRoot, level: QueryLevel = .patient,
    characterSet: String = "ISO_IR 192", returning: [ReturnKey] = []
) throws -> DataSet {
    let today = try #require(CalendarDate(year: 2024, month: 3, day: 1))
    let builder = QueryBuilder(
        model: model, level: level, characterSet: characterSet, today: today)
    return try builder.dataSet(keys: try keys.map { try QueryKeyParser.parse($0) }, returning: returning)
}

struct QueryBuilderTests {
    /// `0008,0005=ISO_IR 192` for each element, values without what is escaped.
    private func lines(_ dataSet: DataSet) -> [String] {
        dataSet.elements.map { "\($0.tag)=\(dataSet.strings($0.tag).joined(separator: "\\"))" }
    }

    @Test(arguments: [
        (InformationModel.patientRoot, QueryLevel.patient, "PATIENT", [] as [String]),
        (.patientRoot, .study, "STUDY", ["(0010,0020)="]),
        (.patientRoot, .series, "SERIES", ["(0010,0020)=", "(0020,000d)="]),
        (.patientRoot, .image, "IMAGE", ["(0010,0020)=", "(0020,000d)=", "(0020,000e)="]),
        (.studyRoot, .study, "STUDY", []),
        (.studyRoot, .series, "SERIES", ["(0020,000d)="]),
        (.studyRoot, .image, "IMAGE", ["(0020,000d)=", "(0020,000e)="]),
    ])
    func `automatic elements are those of the contract`(
        _ model: InformationModel, _ level: QueryLevel, _ name: String, _ unique: [String]
    ) throws {
        let expected = ["(0008,0005)=ISO_IR 192", "(0008,0052)=\(name)"] + unique
        #expect(lines(try identifier([], model: model, level: level)) == expected)
    }

    @Test func `a worklist query has the character set alone`() throws {
        #expect(lines(try identifier([], model: .modalityWorklist, level: .study)) == ["(0008,0005)=ISO_IR 192"])
    }

    @Test func `the query of the contract holds exactly its four elements`() throws {
        let query = try identifier(["10,20=*", "10,10"])
        #expect(
            lines(query) == ["(0008,0005)=ISO_IR 192", "(0008,0052)=PATIENT", "(0010,0010)=", "(0010,0020)=*"])
        #expect(query.bytes(.patientID) == [0x2A, 0x20])
        #expect(query.bytes(.patientName) == [])
        #expect(query.bytes(.specificCharacterSet).map { Array($0) } == Array("ISO_IR 192".utf8))
    }

    @Test(
        arguments: [
            (["PatientID=A"], "UTF-8", false), (["PatientName=Müller*"], "UTF-8", true),
            (["ScheduledProcedureStepSequence[0].ScheduledPerformingPhysicianName=Müller"], "UTF-8", true),
            (["PatientID=A", "8,5=ISO_IR 100"], "UTF-8", true), (["Modality=CT"], "EUC-KR", false),
        ] as [([String], String, Bool)])
    func `a query names its character set where a value needs it`(
        _ keys: [String], _ codeset: String, _ isNamed: Bool
    ) throws {
        let builder = QueryBuilder(
            model: .studyRoot, level: .study, characterSet: QueryCharacterSet.definedTerm(forCodeset: codeset),
            today: try #require(CalendarDate(year: 2024, month: 3, day: 1)), namesCharacterSet: false)
        let query = try builder.dataSet(keys: try keys.map { try QueryKeyParser.parse($0) })
        #expect((query[.specificCharacterSet] != nil) == isNamed)
    }

    @Test(
        arguments: [
            ("--find h -k 20,d", true), ("--find h -k 20,d --format csv", false),
            ("--find h --charset utf-8 --limit 1", true),
            ("--get h -k 20,d=1", true), ("--get h -k 20,d=1 --jobs 2", false), ("--worklist h", true),
            ("--worklist h --format table", false),
        ])
    func `gdcmscu's command lines always name it`(_ line: String, _ isNamed: Bool) throws {
        let query = try invocation(line).query
        #expect(query.namesCharacterSet == isNamed)
        #expect(query.likelyMistakes().contains { $0.contains("(0008,0005)") } == isNamed)
    }

    @Test(arguments: ["", " --charset utf-8", " --format csv"])
    func `over HTTP no query names it without need`(_ options: String) throws {
        let query = try invocation("--find http://h/dicom-web -k 20,d" + options).query
        #expect(!query.namesCharacterSet)
        #expect(!query.likelyMistakes().contains { $0.contains("(0008,0005)") })
    }

    @Test func `a key replaces an automatic element`() throws {
        let query = try identifier(["8,52=SERIES", "8,5=ISO_IR 100", "10,20=A"], level: .study)
        #expect(lines(query) == ["(0008,0005)=ISO_IR 100", "(0008,0052)=SERIES", "(0010,0020)=A"])
    }

    @Test func `paths make one item that holds all keys of the sequence`() throws {
        let query = try identifier(
            [
                "ScheduledProcedureStepSequence[0].Modality=CT",
                "ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate=today",
                "ScheduledProcedureStepSequence[0].ScheduledProtocolCodeSequence[0].CodeValue=X",
                "RequestedProcedureCodeSequence",
            ], model: .modalityWorklist, level: .study)
        let items = try #require(query.items(Tag(0x0040_0100)))
        #expect(items.count == 1)
        let item = try #require(items.first)
        #expect(lines(item).prefix(2) == ["(0008,0060)=CT", "(0040,0002)=20240301"])
        #expect(item.items(Tag(0x0040_0008))?.first?.string(Tag(0x0008_0100)) == "X")
        #expect(query.items(Tag(0x0032_1064)) == [])
    }

    @Test func `two values for one tag are an error that names it`() throws {
        for keys in [["10,20=A", "PatientID=B"], ["10,20", "10,20=A"], ["10,20", "00100020"]] {
            let error = try #require(throws: UsageError.self) { _ = try identifier(keys) }
            #expect(error.code == .duplicateKey)
            #expect(error.problem == "two values for PatientID (0010,0020)")
        }
        let inside = try #require(throws: UsageError.self) {
            _ = try identifier(["40,100[0].8,60=CT", "40,100.8,60=MR"], model: .modalityWorklist)
        }
        #expect(inside.problem.contains("Modality (0008,0060)"))
        let partly = try #require(throws: UsageError.self) {
            _ = try identifier(["40,100[0].8,60=CT", "40,100"], model: .modalityWorklist)
        }
        #expect(partly.code == .duplicateKey)
    }

    @Test func `a level that the model lacks is an error`() throws {
        for value in ["PATIENT", "series", ""] {
            let error = try #require(throws: UsageError.self) {
                _ = try identifier(["8,52=\(value)"], model: .studyRoot, level: .study)
            }
            #expect(error.code == .invalidKeyValue)
        }
    }

    @Test func `return keys are asked for and never replace a value`() throws {
        let query = try identifier(
            ["StudyDate=20240101"], model: .studyRoot, level: .study,
            returning: [.set(.study), .attribute(try QueryKeyParser.parse("PatientComments"))])
        for key in InformationModel.studyRoot.keys(at: .study) where key.path.isEmpty {
            #expect(query[key.tag] != nil, "\(key.tag)")
        }
        #expect(query.string(Tag(0x0008_0020)) == "20240101")
        #expect(query[Tag(0x0010_4000)] != nil)
        let all = try identifier([], model: .studyRoot, level: .series, returning: [.set(.all)])
        #expect(all[Tag(0x0008_0060)] != nil && all[Tag(0x0008_0020)] != nil && all[Tag(0x0008_0018)] == nil)
        let worklist = try identifier([], model: .modalityWorklist, level: .study, returning: [.set(.all)])
        #expect(worklist.items(Tag(0x0040_0100))?.count == 1)
    }

    @Test func `text goes out in the character set of the query`() throws {
        let latin = try identifier(["10,10=Müller"], characterSet: "ISO_IR 100")
        #expect(latin.bytes(.patientName).map { Array($0) } == [0x4D, 0xFC, 0x6C, 0x6C, 0x65, 0x72])
        let unicode = try identifier(["10,10=Müller"])
        #expect(unicode.bytes(.patientName).map { Array($0) } == Array("Müller ".utf8))
        let error = try #require(throws: UsageError.self) {
            _ = try identifier(["10,10=山田^太郎"], characterSet: "ISO_IR 100")
        }
        #expect(error.code == .notEncodable)
        #expect(!error.problem.contains("山田"))
        let unknown = try #require(throws: UsageError.self) { _ = try identifier(["8,5=KLINGON"]) }
        #expect(unknown.code == .unknownCharacterSet)
        #expect(unknown.option == "--key")
    }

    @Test func `the default repertoire has no element`() throws {
        #expect(try identifier([], characterSet: "ISO_IR 6")[.specificCharacterSet] == nil)
    }

    @Test(arguments: [
        ("UTF-8", "ISO_IR 192"), ("utf8", "ISO_IR 192"), ("ANSI_X3.4-1968", "ISO_IR 100"), ("US-ASCII", "ISO_IR 100"),
        ("ISO-8859-1", "ISO_IR 100"), ("ISO-8859-2", "ISO_IR 101"), ("ISO-8859-3", "ISO_IR 109"),
        ("ISO-8859-4", "ISO_IR 110"), ("ISO-8859-5", "ISO_IR 144"), ("ISO-8859-6", "ISO_IR 127"),
        ("ISO-8859-7", "ISO_IR 126"), ("ISO-8859-8", "ISO_IR 138"), ("ISO-8859-9", "ISO_IR 148"),
        ("EUC-JP", "ISO_IR 13"), ("TIS-620", "ISO_IR 166"), ("EUC-KR", "\\ISO 2022 IR 149"), ("GB18030", "GB18030"),
        ("KOI8-R", "ISO_IR 192"),
    ])
    func `the locale decides the character set`(_ codeset: String, _ term: String) throws {
        #expect(QueryCharacterSet.definedTerm(forCodeset: codeset) == term)
        let query = try identifier([], characterSet: term)
        #expect(query.strings(.specificCharacterSet).joined(separator: "\\") == term)
    }
}
