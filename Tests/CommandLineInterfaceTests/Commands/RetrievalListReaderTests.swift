import DICOM
import DICOMProtocol
import Testing

@testable import CommandLineInterface

struct RetrievalListReaderTests {
    private func values(
        _ text: String, _ level: QueryLevel = .study, columns: [ListColumn] = []
    ) throws -> [[String]] {
        try RetrievalListReader.content(Array(text.utf8), bareUIDsAt: level, columns: columns).rows.map { row in
            row.keys.map { "\(DataDictionary.keyword(of: $0.tag))=\($0.value)" }
        }
    }

    @Test func `bare UIDs are of the level asked for`() throws {
        #expect(
            try values("1.2\n\n 1.3 \r\n", .series) == [
                ["SeriesInstanceUID=1.2"], ["SeriesInstanceUID=1.3"],
            ])
    }

    @Test func `a header names the columns, and empty fields are no keys`() throws {
        let text = "StudyInstanceUID,\"0010,0020\",AccessionNumber\n1.2,,\"A,\"\"1\"\"\"\n"
        #expect(try values(text) == [["StudyInstanceUID=1.2", "AccessionNumber=A,\"1\""]])
    }

    @Test func `JSON lines may be answers of a query, objects with keywords, or our own events`() throws {
        let text = """
            {"0020000D":{"vr":"UI","Value":["1.2"]},"00100010":{"vr":"PN","Value":[{"Alphabetic":"A^B"}]}}
            {"StudyInstanceUID":"1.3"}

            {"event":"receive","sopInstanceUID":"1.2.3"}
            {"event":"missing","studyInstanceUID":"1.4","sopInstanceUID":"1.4.5"}
            """
        #expect(
            try values(text) == [
                ["StudyInstanceUID=1.2"], ["StudyInstanceUID=1.3"],
                ["StudyInstanceUID=1.4", "SOPInstanceUID=1.4.5"],
            ])
    }

    @Test func `what a comparison could not find out is counted, and only its own lists are filtered`() throws {
        let csv = "Comparison,StudyInstanceUID,Differences\nmissing,1.1,\ndoubtful,1.2,\nextra,1.3,\ndoubtful,1.4,\n"
        let json = """
            {"event":"doubtful","studyInstanceUID":"1.2"}
            {"event":"missing","studyInstanceUID":"1.1"}
            {"event":"doubtful","studyInstanceUID":"1.4"}
            """
        for text in [csv, json] {
            let content = try RetrievalListReader.content(Array(text.utf8), bareUIDsAt: .study)
            #expect(content.doubtful == 2)
            #expect(content.rows.count == 1)
        }
        let other = try RetrievalListReader.content(
            Array("Comparison,StudyInstanceUID\nequal,1.1\ndoubtful,1.2\n".utf8), bareUIDsAt: .study)
        #expect(other.rows.count == 2)
        #expect(other.doubtful == 0)
        #expect(other.unknownColumns == ["Comparison"])
    }

    @Test func `an array of JSON is taken as well`() throws {
        #expect(try values("[{\"StudyInstanceUID\":\"1.2\"},\n{\"StudyInstanceUID\":\"1.3\"}]").count == 2)
    }

    @Test(arguments: [
        ("1.2\nA\n", 2), ("Nonsense,Words\n1,2\n", 1), ("{\"a\":1}\n{\n", 2),
        ("ACC05000\nACC05001\n", 1), ("12345678\n12345679\n", 1), ("1.2.3,StudyInstanceUID\n", 1), ("DOE;1.2.3\n", 1),
        ("00080050\nACC05001\n", 1),
        ("StudyInstanceUID,PatientName\n1.2,\n1.3,\"DOE\n1.4,\n1.5,\n", 3),
    ])
    func `a mistake is told with its line`(text: String, line: Int) {
        let failure = #expect(throws: RetrievalListReader.Failure.self) {
            try RetrievalListReader.content(Array(text.utf8), bareUIDsAt: .study)
        }
        guard case .malformed(let found, _)? = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(found == line)
    }

    @Test(arguments: ["", " \n\r\n\t"])
    func `an empty list has no rows`(text: String) throws {
        #expect(try values(text).isEmpty)
    }

    @Test(arguments: ["plain", "a,b", "say \"it\"", "two\nlines", "", " spaces "])
    func `a field that is written is read again`(field: String) throws {
        let line = CSVText.line(["first", field, "last"])
        let fields = try #require(try CSVText.records(Array(line.utf8)).first?.fields)
        // White space around a field that is not quoted is nobody's intention.
        let expected = field == " spaces " ? "spaces" : field
        #expect(fields == ["first", expected, "last"])
    }

    @Test(arguments: [
        "StudyInstanceUID;AccessionNumber\n1.2;A 1\n", "StudyInstanceUID\tAccessionNumber\r\n1.2\tA 1\r\n",
        "\u{FEFF}StudyInstanceUID,AccessionNumber\n1.2,A 1\n", "StudyInstanceUID,AccessionNumber,,\n1.2,A 1,,\n",
        "StudyInstanceUID,AccessionNumber\n1.2,A 1,,,\n",
        "\"StudyInstanceUID\" ; \"AccessionNumber\"\n \"1.2\" ; \"A 1\" \n",
        "\n\nStudyInstanceUID,AccessionNumber\n\n1.2 , A 1\n", "Ward,StudyInstanceUID,AccessionNumber\nB2,1.2,A 1\n",
        "\rStudyInstanceUID\r,\"Accession\"\rNumber \r\n\t 1.2\r \t,\r \"A 1\" \r\n",
        "\"StudyInstanceUID\",AccessionNumber\r\n1.2,\"A 1\"",
        "Study Instance UID;Accession Number\n1.2;A 1\n;\n", "studyinstanceuid,ACCESSION NUMBER\n1.2,A 1\n,,,\n",
    ])
    func `the forms in which spreadsheets write lists are read`(text: String) throws {
        #expect(try values(text) == [["StudyInstanceUID=1.2", "AccessionNumber=A 1"]])
    }

    @Test func `columns may have names of their own`() throws {
        let columns = [
            ListColumn(name: "Accession Number", key: QueryKey(tag: .accessionNumber, value: "", argument: "")),
            ListColumn(name: "Fall", key: QueryKey(tag: .patientID, value: "", argument: "")),
        ]
        let text = "FALL;accession number;Remark\nP1;A1;urgent\nP2;;\n"
        #expect(try values(text, columns: columns) == [["PatientID=P1", "AccessionNumber=A1"], ["PatientID=P2"]])
        let content = try RetrievalListReader.content(Array(text.utf8), bareUIDsAt: .study, columns: columns)
        #expect(content.unknownColumns == ["Remark"])
    }

    @Test func `short names of keys are no columns`() throws {
        let text = "id,Name,AccessionNumber\n1,ward 3,A1\n"
        #expect(try values(text) == [["AccessionNumber=A1"]])
        let content = try RetrievalListReader.content(Array(text.utf8), bareUIDsAt: .study, columns: [])
        #expect(content.unknownColumns == ["id", "Name"])
    }

    @Test func `values that can be no UID need a header, and the message says which`() throws {
        let failure = #expect(throws: RetrievalListReader.Failure.self) {
            try RetrievalListReader.content(Array("ACC05000\nACC05001\n".utf8), bareUIDsAt: .study)
        }
        guard case .malformed(1, let why)? = failure else { return }
        #expect(why.contains("\"ACC05000\" is neither a UID nor the name of an attribute"))
        #expect(why.contains("AccessionNumber"))
    }

    @Test func `a row with more values than columns is one with a mistake`() throws {
        let text = "StudyInstanceUID\n1.2,3\n1.4\n"
        let content = try RetrievalListReader.content(Array(text.utf8), bareUIDsAt: .study)
        #expect(content.rows.map { $0.problem == nil } == [false, true])
        #expect(content.rows[0].line == 2)
    }

    @Test func `UIDs as some archives write them, and empty columns behind them, need no header`() throws {
        #expect(try values("1.2.03.4,,\n1.2.3\n").map(\.count) == [1, 1])
    }
}
