import DICOM
import DICOMProtocol
import System
import Testing

@testable import CommandLineInterface

struct MatchWriterTests {
    private static let name: Tag = .patientName
    private static let id = Tag(0x0010_0020)

    private func match(_ name: String, _ id: String) -> Match {
        var dataSet = DataSet()
        dataSet.set(.specificCharacterSet, .CS, "ISO_IR 192")
        dataSet.set(Self.name, .PN, name)
        dataSet.set(Self.id, .LO, id)
        return Match(bytes: [], transferSyntax: .explicitVRLittleEndian, dataSet: dataSet)
    }

    private func layout(_ width: Int? = nil, escapes: Bool = false) -> MatchLayout {
        MatchLayout(
            columns: [MatchColumn(path: [Self.name]), MatchColumn(path: [Self.id])],
            table: TableStyle(terminalWidth: width), escapesNonASCII: escapes)
    }

    private func written(_ writer: any MatchWriter, _ matches: [Match]) throws -> String {
        var buffer: [UInt8] = []
        for (index, match) in matches.enumerated() { try writer.append(match, number: index + 1, to: &buffer) }
        writer.finish(&buffer)
        return String(decoding: buffer, as: UTF8.self)
    }

    @Test func `a table's columns are as wide as their values, wide characters counted twice`() throws {
        let text = try written(TableMatchWriter(layout()), [match("山田^太郎", "1"), match("Doe", "22")])
        #expect(text == "PatientName  PatientID\n山田^太郎    1\nDoe          22\n")
    }

    @Test(arguments: 16...60) func `a table fits the terminal`(_ width: Int) throws {
        let text = try written(
            TableMatchWriter(layout(width)), [match("A very long name that nobody has^Anna", "1234567890 1234567890")]
        )
        for line in text.split(separator: "\n") { #expect(TextWidth.of(String(line)) <= width) }
    }

    @Test func `headings break before values are cut, and are never cut`() {
        let needs = [TableLayout.Need(values: 8, heading: 12, word: 6), TableLayout.Need(values: 8, heading: 1)]
        #expect(TableLayout(needs, room: 19).widths == [9, 8])
        let long = [
            TableLayout.Need(values: 3, heading: 12, minimum: 2), TableLayout.Need(values: 8, heading: 1, rank: 1),
        ]
        #expect(TableLayout(long, room: 22).widths == [12, 8])
        #expect(TableLayout(long, room: 21).shown == [0])
        #expect(
            TextWidth.lines("Number of Study Related Instances", 9) == ["Number of", "Study", "Related", "Instances"])
    }

    @Test func `a long heading stands on several lines of a terminal`() throws {
        var dataSet = DataSet()
        dataSet.set(.patientID, .LO, "7")
        dataSet.set(Tag(0x0010_1020), .DS, "1.80")
        var layout = MatchLayout(columns: [
            MatchColumn(path: [.patientID]), MatchColumn(path: [Tag(0x0010_1020)]),
            MatchColumn(path: [.accessionNumber]),
        ])
        layout.table = TableStyle(terminalWidth: 25)
        let match = Match(bytes: [], transferSyntax: .explicitVRLittleEndian, dataSet: dataSet)
        #expect(try written(TableMatchWriter(layout), [match]) == "ID  Patient's Size\n7             1.80\n")
        layout.table.terminalWidth = 13
        #expect(try written(TableMatchWriter(layout), [match]) == "    Patient's\nID       Size\n7        1.80\n")
        // A column that was chosen is shown, also without a value.
        layout.table = TableStyle(terminalWidth: 40, keepsOrder: true)
        #expect(try written(TableMatchWriter(layout), [match]).hasPrefix("ID  Patient's Size  Accession\n"))
    }

    @Test func `a table of keys alone shows what comes back besides`() throws {
        var dataSet = DataSet()
        dataSet.set(.queryRetrieveLevel, .CS, "STUDY")
        dataSet.set(.patientID, .LO, "7")
        dataSet.set(.accessionNumber, .SH, "A1")
        var layout = MatchLayout(columns: [MatchColumn(path: [.patientID])])
        layout.table = TableStyle(terminalWidth: 80, showsFurther: true)
        let match = Match(bytes: [], transferSyntax: .explicitVRLittleEndian, dataSet: dataSet)
        #expect(try written(TableMatchWriter(layout), [match]) == "ID  Accession\n7   A1\n")
    }

    @Test func `a match without any value is a line of its own on a terminal`() throws {
        var layout = MatchLayout(columns: [MatchColumn(path: [.accessionNumber])])
        layout.table = TableStyle(terminalWidth: 80)
        var dataSet = DataSet()
        dataSet.set(.accessionNumber, .SH, "A1")
        let match = Match(bytes: [], transferSyntax: .explicitVRLittleEndian, dataSet: dataSet)
        let empty = Match(bytes: [], transferSyntax: .explicitVRLittleEndian, dataSet: DataSet())
        #expect(try written(TableMatchWriter(layout), [match, empty]) == "Accession\nA1\n(none)\n")
        layout.table.terminalWidth = nil
        #expect(try written(TableMatchWriter(layout), [match, empty]) == "AccessionNumber\nA1\n\n")
    }

    @Test func `columns without values, and the least important ones, give way to the others`() {
        let uid = TableLayout.Need(values: 40, heading: 18, rank: 2)
        let name = TableLayout.Need(values: 30, heading: 7, minimum: 12, rank: 0)
        let empty = TableLayout.Need(values: 0, heading: 9, rank: 1)
        #expect(TableLayout([uid, empty, name], room: nil).shown == [0, 2])
        #expect(TableLayout([uid, empty, name], room: 60).widths == [40, 18])
        #expect(TableLayout([uid, empty, name], room: 53) == TableLayout([empty, empty, name], room: 53))
    }

    @Test func `a UID is never cut, and is named if it does not fit`() throws {
        var dataSet = DataSet()
        let uid = String(repeating: "1.23", count: 16)
        dataSet.set(.patientID, .LO, "7")
        dataSet.set(.studyInstanceUID, .UI, uid)
        dataSet.set(.numberOfStudyRelatedInstances, .IS, "12")
        let match = Match(bytes: [], transferSyntax: .explicitVRLittleEndian, dataSet: dataSet)
        for width in 20...120 {
            var layout = MatchLayout(columns: [MatchColumn(path: [.patientID]), MatchColumn(path: [.studyInstanceUID])])
            layout.table = TableStyle(terminalWidth: width)
            layout.table.summary = TableSummary(.studyRoot, .study, watch: Stopwatch())
            let text = try written(TableMatchWriter(layout), [match, match]).replacing("\n", with: " ")
            #expect(text.contains("2 studies, 24 images, "))
            #expect(text.contains(uid) == (width >= 68), "\(width)")
            #expect(text.contains("not shown: Study Instance UID (--wide)") == (width < 68), "\(width)")
            layout.table.isWide = true
            #expect(try written(TableMatchWriter(layout), [match]).contains(uid))
        }
    }

    @Test func `what was named stays longest, and what all matches have goes first`() throws {
        var dataSet = DataSet()
        let (series, instance) = (String(repeating: "1.23", count: 9), String(repeating: "4.56", count: 9))
        dataSet.set(.sopInstanceUID, .UI, instance)
        dataSet.set(.patientID, .LO, "7")
        dataSet.set(.seriesInstanceUID, .UI, series)
        let match = Match(bytes: [], transferSyntax: .explicitVRLittleEndian, dataSet: dataSet)
        let columns = [Tag.seriesInstanceUID, .patientID, .sopInstanceUID].map { MatchColumn(path: [$0]) }
        var layout = MatchLayout(columns: columns, table: TableStyle(terminalWidth: 60))
        #expect(
            try written(TableMatchWriter(layout), [match]) == "Series Instance UID                   ID\n\(series)  7\n"
        )
        layout.identity = [.sopInstanceUID]
        #expect(try written(TableMatchWriter(layout), [match]) == "ID  SOP Instance UID\n7   \(instance)\n")
        layout.constants = [[.seriesInstanceUID], [.patientID]]
        layout.table.terminalWidth = 36
        #expect(try written(TableMatchWriter(layout), [match]) == "SOP Instance UID\n\(instance)\n")
        layout.named = [[.patientID]]
        #expect(try written(TableMatchWriter(layout), [match]) == "ID\n7\n")
    }

    @Test func `a table without a value shows what the matches are`() throws {
        var dataSet = DataSet()
        dataSet.set(.studyInstanceUID, .UI, "1.2")
        let match = Match(bytes: [], transferSyntax: .explicitVRLittleEndian, dataSet: dataSet)
        var layout = MatchLayout(
            columns: [MatchColumn(path: [.numberOfStudyRelatedInstances])], table: TableStyle(terminalWidth: 60))
        layout.fallback = [.studyInstanceUID]
        #expect(try written(TableMatchWriter(layout), [match]) == "Study Instance UID\n1.2\n")
    }

    @Test func `only a column that is shown makes another heading longer`() throws {
        var dataSet = DataSet()
        let tags = [Tag.patientName, .numberOfPatientRelatedInstances, .numberOfStudyRelatedInstances]
        dataSet.set(.patientName, .PN, "Abcdefghijklmnop^Qr")
        for tag in tags.dropFirst() { dataSet.set(tag, .IS, "12") }
        let match = Match(bytes: [], transferSyntax: .explicitVRLittleEndian, dataSet: dataSet)
        var layout = MatchLayout(columns: tags.map { MatchColumn(path: [$0]) }, table: TableStyle(terminalWidth: 24))
        #expect(
            try written(TableMatchWriter(layout), [match]) == "Patient           Images\nAbcdefghijklmno…      12\n")
        layout.table.terminalWidth = 200
        #expect(try written(TableMatchWriter(layout), [match]).contains("Number of Patient Related Instances"))
    }

    @Test func `the last line is as wide as the terminal`() throws {
        var layout = MatchLayout(
            columns: [Tag.patientID, .studyInstanceUID, .seriesInstanceUID, .sopInstanceUID].map {
                MatchColumn(path: [$0])
            },
            table: TableStyle(terminalWidth: 30))
        layout.table.summary = TableSummary(.studyRoot, .image, watch: Stopwatch())
        var dataSet = DataSet()
        dataSet.set(.patientID, .LO, "7")
        for tag in [Tag.studyInstanceUID, .seriesInstanceUID, .sopInstanceUID] {
            dataSet.set(tag, .UI, String(repeating: "1.23", count: 9))
        }
        let match = Match(bytes: [], transferSyntax: .explicitVRLittleEndian, dataSet: dataSet)
        let text = try written(TableMatchWriter(layout), [match])
        #expect(text.contains("not shown"))
        for line in text.split(separator: "\n") { #expect(line.count <= 30) }
    }

    @Test func `dates, times and numbers are written for people`() throws {
        var dataSet = DataSet()
        dataSet.set(.studyDate, .DA, "20260131")
        dataSet.set(.studyTime, .TM, "104500.25")
        dataSet.set(.numberOfStudyRelatedSeries, .IS, "3")
        let match = Match(bytes: [], transferSyntax: .explicitVRLittleEndian, dataSet: dataSet)
        let columns = [Tag.studyDate, .studyTime, .numberOfStudyRelatedSeries].map { MatchColumn(path: [$0]) }
        var layout = MatchLayout(columns: columns)
        // Through a pipe values are as they are.
        #expect(
            try written(TableMatchWriter(layout), [match])
                == "StudyDate  StudyTime  NumberOfStudyRelatedSeries\n20260131   104500.25  3\n")
        layout.table.terminalWidth = 80
        #expect(
            try written(TableMatchWriter(layout), [match])
                == "Date        Time      Series\n2026-01-31  10:45:00       3\n")
    }

    @Test func `headings are bold and UIDs faint only if asked for`() throws {
        var dataSet = DataSet()
        dataSet.set(.patientID, .LO, "7")
        dataSet.set(.studyInstanceUID, .UI, "1.2")
        let match = Match(bytes: [], transferSyntax: .explicitVRLittleEndian, dataSet: dataSet)
        var layout = MatchLayout(columns: [Tag.studyInstanceUID, .patientID].map { MatchColumn(path: [$0]) })
        layout.table.terminalWidth = 80
        #expect(try !written(TableMatchWriter(layout), [match]).contains("\u{1B}"))
        layout.table.usesColor = true
        let text = try written(TableMatchWriter(layout), [match])
        #expect(text.hasPrefix("\u{1B}[1mStudy Instance UID  ID\u{1B}[0m\n\u{1B}[2m1.2 "), "\(text)")
    }

    @Test func `right-to-left and combining characters are measured`() {
        #expect(TextWidth.of("כהן^דוד") == 7)
        #expect(TextWidth.of("محمد") == 4)
        #expect(TextWidth.of("שָׁלוֹם") == 4)
        #expect(TextWidth.of("김^철수") == 7)
    }

    @Test func `a table without matches is nothing`() throws {
        #expect(try written(TableMatchWriter(layout()), []).isEmpty)
    }

    @Test(arguments: [
        ("plain", "plain"), ("a,b", "\"a,b\""), ("a\"b", "\"a\"\"b\""), ("=1", "'=1"), ("@a", "'@a"), ("-a", "'-a"),
        ("+49 30", "'+49 30"), ("-1.5", "-1.5"), ("+1", "+1"), ("a\u{1B}b", "a␛b"), ("a\nb", "a␊b"),
    ])
    func `a CSV cell is quoted where it must be and never a formula`(_ value: String, _ cell: String) throws {
        let text = try written(SeparatedMatchWriter(layout(), separator: .comma), [match("N", value)])
        #expect(text == "PatientName,PatientID\nN,\(cell)\n")
    }

    @Test(arguments: ["=1", "@a", "-a", "'=1", "''", "'x", "+1", "plain", "a,b"])
    func `a CSV cell of a query is read back as its value`(_ value: String) throws {
        let text = try written(SeparatedMatchWriter(layout(), separator: .comma), [match("N", value)])
        let records = try CSVText.records(Array(text.utf8))
        #expect(CSVText.withoutApostrophe(records[1].fields[1]) == value)
    }

    @Test func `JSON for a terminal of another encoding is ASCII and means the same`() throws {
        let plain = try written(JSONMatchWriter(layout(), isArray: false), [match("Müller^🎈", "1")])
        let escaped = try written(JSONMatchWriter(layout(escapes: true), isArray: false), [match("Müller^🎈", "1")])
        #expect(escaped.utf8.allSatisfy { $0 < 0x80 })
        #expect(try DICOMJSON.parse(Array(escaped.utf8)) == DICOMJSON.parse(Array(plain.utf8)))
    }

    @Test func `the columns are what was asked for, in the order in which it was typed`() throws {
        let line = "--find host 104 -k PatientName=A* -k 8,20 --return Modality --series"
        let invocation = try invocation(line)
        let assembly = QueryAssembly(
            options: invocation.query, negotiation: [], today: .epoch, localeCharacterSet: "ISO_IR 192")
        #expect(
            try MatchColumn.columns(of: invocation.find, queries: [assembly.query(from: .keys([]))]).map(\.title)
                == ["PatientName", "StudyDate", "Modality", "StudyInstanceUID"])
    }

    @Test(arguments: [
        ("abc", 5, "abc  "), ("abcdef", 4, "abc…"), ("山田", 4, "山田"), ("山田", 3, "山…"), ("山田", 2, "… "),
        ("e\u{301}", 1, "e\u{301}"),
    ])
    func `text is fitted into columns`(_ text: String, _ width: Int, _ fitted: String) {
        #expect(TextWidth.fit(text, width) == fitted)
    }
}
