import DICOM
import DICOMNode
import DICOMProtocol
import System
import TestSupport
import Testing

@testable import CommandLineInterface

/// Lists as a whole: what their rows ask for together.
struct RetrievalListTests {
    private let errors = MemorySink()

    private func list(_ text: String, _ line: String = "--get h --from-list l", isGood: Bool = true) throws
        -> RetrievalList?
    {
        let folder = try TemporaryFolder()
        let path = folder.path.appending("list")
        try FileDescriptor.open(path, for: .writing, [.creating]).writeAll(Array(text.utf8))
        let options = try #require(try invocation(line).retrieve)
        let environment = Environment(
            standardOutput: MemorySink(), standardError: errors, today: CalendarDate.epoch,
            randomBytes: { UIDGenerator.UUIDBytes(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) })
        let outcome = RunOutcome(diagnostics: Diagnostics(sink: errors))
        let list = RetrievalList(options, outcome, environment, path: path)
        #expect((list != nil) == isGood)
        return list
    }

    @Test func `a thousand shuffled rows of twenty studies are twenty requests`() throws {
        var rows = (0..<1_000).map { "1.2.\($0 % 20),A\($0 % 20)" }
        rows.shuffle()
        let list = try #require(
            try list("StudyInstanceUID,AccessionNumber\n" + rows.joined(separator: "\n") + "\n"))
        #expect(list.entries.count == 20)
        #expect(list.entries.allSatisfy { $0.rows.count == 50 })
        #expect(list.count == 1_000 && list.mistakes.isEmpty)
    }

    @Test func `instances of a series and series of a study are asked for together, wherever they stand`() throws {
        let instances = try #require(
            try list(
                """
                StudyInstanceUID,SeriesInstanceUID,SOPInstanceUID
                1.2,1.2.1,1.2.1.1
                1.3,1.3.1,1.3.1.1
                1.2,1.2.1,1.2.1.2
                1.2,1.2.1,1.2.1.1
                """))
        #expect(instances.entries.map { $0.identifier.uids(.sopInstanceUID).count } == [2, 1])
        #expect(instances.entries.map(\.rows.count) == [3, 1])
        let series = try #require(
            try list("StudyInstanceUID,SeriesInstanceUID\n1.2,1.2.1\n1.3,1.3.1\n1.2,1.2.2\n"))
        #expect(series.entries.map { $0.identifier.strings(.seriesInstanceUID) } == [["1.2.1", "1.2.2"], ["1.3.1"]])
    }

    @Test func `what is asked for by other keys is one request if the keys are the same`() throws {
        let list = try #require(
            try list("AccessionNumber;PatientID\nA1;P1\nA2;P1\nA1;P1\nA1;P2\n"))
        #expect(list.entries.map(\.rows.count) == [2, 1, 1])
    }

    @Test func `rows of different forms are asked for as each of them alone`() throws {
        let list = try #require(
            try list(
                """
                QueryRetrieveLevel,StudyInstanceUID,SeriesInstanceUID,PatientID
                STUDY,1.2,,P1
                SERIES,1.2,1.2.1,
                STUDY,1.2,,P2
                STUDY,1.2,,P1
                SERIES,1.2,1.2.2,
                IMAGE,1.2,1.2.1,
                STUDY,1.2,,
                """))
        #expect(
            list.entries.map { $0.identifier.string(.queryRetrieveLevel) } == ["STUDY", "SERIES", "STUDY", "STUDY"])
        #expect(list.entries.map(\.rows.count) == [2, 2, 1, 1])
        #expect(list.entries.map { $0.identifier.string(.patientID) ?? "" } == ["P1", "", "P2", ""])
        #expect(list.entries[1].identifier.strings(.seriesInstanceUID) == ["1.2.1", "1.2.2"])
        #expect(list.mistakes.map(\.row.line) == [7])
        #expect(list.mistakes.map(\.why) == ["PatientID is empty, and would match everything"])
    }

    @Test func `more instances of a series than one request may have are several, each with its rows`() throws {
        let rows = (0..<1_200).map { "1.2,1.2.1,1.2.1.\($0 % 1_100)" }
        let list = try #require(
            try list("StudyInstanceUID,SeriesInstanceUID,SOPInstanceUID\n" + rows.joined(separator: "\n") + "\n"))
        #expect(list.entries.map { $0.identifier.uids(.sopInstanceUID).count } == [500, 500, 200])
        #expect(list.entries.map(\.rows.count) == [500, 500, 200])
        for entry in list.entries {
            #expect(Set(entry.rows.compactMap(\.sopInstanceUID)) == Set(entry.identifier.uids(.sopInstanceUID)))
        }
    }

    @Test func `a bad row does not keep the others back`() throws {
        let list = try #require(
            try list("Ward,StudyInstanceUID\nB1,1.2\nB2,\nB3,1.3,x\nB4,1.4\n"))
        #expect(list.entries.count == 2)
        #expect(list.mistakes.map(\.row.line) == [3, 4])
        #expect(errors.text.contains("columns that name no attribute are ignored: \"Ward\""))
    }

    @Test func `a row retrieves no more than it says`() throws {
        let rows = try #require(
            try list("PatientID,StudyDate\nP1,20260101\n,20260101\nP2,\n  ,20260102\n"))
        #expect(rows.entries.count == 2)
        #expect(
            rows.mistakes.map(\.why) == Array(repeating: "PatientID is empty, and would match everything", count: 2))
        for text in ["StudyInstanceUID,SeriesNumber\n1.2,2\n", "AccessionNumber,SeriesNumber\nA1,2\n"] {
            #expect(try list(text, isGood: false) == nil)
            #expect(errors.text.contains("SeriesNumber (0020,0011): a key of the SERIES level"), "\(errors.text)")
        }
        let series = try #require(
            try list("StudyInstanceUID,SeriesNumber\n1.2,2\n", "--get --series h --from-list l"))
        #expect(series.entries[0].identifier.string(.queryRetrieveLevel) == "SERIES")
        // What only describes the study is not asked for.
        let described = try #require(try list("StudyInstanceUID,Modality,StudyDescription\n1.2,CT,Head\n"))
        #expect(described.entries[0].identifier.string(.studyDescription) == nil)
    }

    @Test func `patient and accession number of a row belong to its study`() throws {
        let list = try #require(
            try list("StudyInstanceUID,PatientID,AccessionNumber\n1.2,P1,A1\n1.3,,\n"))
        #expect(list.entries.map { $0.identifier.string(.patientID) ?? "" } == ["P1", ""])
        #expect(list.entries.map { $0.identifier.string(.accessionNumber) ?? "" } == ["A1", ""])
    }

    @Test func `a list of nothing but mistakes is a usage error`() throws {
        #expect(try list("Ward,StudyInstanceUID\nB1,\nB2,\n", isGood: false) == nil)
        #expect(errors.text.contains("line 2: nothing that says what to retrieve"))
    }

    @Test func `names of columns are given by an option`() throws {
        let list = try #require(
            try list(
                "Accession Number,Fall\nA1,P1\n",
                "--get h --from-list l --list-key 'Accession Number=AccessionNumber' --list-key Fall=PatientID"))
        #expect(list.entries[0].identifier.string(.accessionNumber) == "A1")
        #expect(list.entries[0].identifier.string(.patientID) == "P1")
        #expect(try usageError("--get h --from-list l --list-key AccessionNumber").code == .invalidValue)
        #expect(try usageError("--get h --from-list l --list-key A=Nonsense").code == .invalidValue)
        #expect(try usageError("--get h -k 20,d=1 --list-key A=PatientID").code == .missingOption)
    }

    @Test func `a report has the ending of its form`() throws {
        #expect(try invocation("--get h --from-list l --report a.csv").retrieve?.reportPath == "a.csv")
        #expect(try usageError("--get h --from-list l --report a.txt").code == .invalidValue)
        #expect(try usageError("--get h -k 20,d=1 --dry-run --report a.csv").code == .conflictingOptions)
    }
}
