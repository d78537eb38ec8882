import DICOM
import DICOMProtocol
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
            columns: [MatchColumn(path: [Self.name]), MatchColumn(path: [Self.id])], terminalWidth: width,
            escapesNonASCII: escapes)
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

    @Test func `titles give way before values do`() {
        #expect(
            TableMatchWriter.widths(titles: ["A long title", "B"], rows: [["12345678", "12345678"]], room: 19) == [
                9, 8,
            ])
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

    @Test func `JSON for a terminal of another encoding is ASCII and means the same`() throws {
        let plain = try written(JSONMatchWriter(layout(), isArray: false), [match("Müller^🎈", "1")])
        let escaped = try written(JSONMatchWriter(layout(escapes: true), isArray: false), [match("Müller^🎈", "1")])
        #expect(escaped.utf8.allSatisfy { $0 < 0x80 })
        #expect(try DICOMJSON.parse(Array(escaped.utf8)) == DICOMJSON.parse(Array(plain.utf8)))
    }

    @Test func `the columns are what was asked for, in the order in which it was typed`() throws {
        let line = "--find host 104 -k PatientName=A* -k 8,20 --return Modality --series"
        let invocation = try invocation(line)
        let builder = QueryBuilder(
            model: .studyRoot, level: .series, characterSet: "ISO_IR 192", today: .epoch)
        let identifier = try builder.dataSet(keys: invocation.query.keys, returning: invocation.query.returnKeys)
        #expect(
            MatchColumn.columns(of: invocation.find, identifiers: [identifier]).map(\.title)
                == ["PatientName", "StudyDate", "Modality", "StudyInstanceUID"])
    }

    @Test(arguments: [
        ("abc", 5, "abc  "), ("abcdef", 4, "abc…"), ("山田", 4, "山田"), ("山田", 3, "山…"), ("山田", 2, "… "),
        ("e\u{301}", 1, "e\u{301}"),
    ])
    func `text is fitted into columns`(_ text: String, _ width: Int, _ fitted: String) {
        #expect(TextWidth.fit(text, width) == fitted)
    }

    @Test func `a UID that is too long keeps its end`() {
        #expect(TextWidth.fit("1.2.840.99", 5, keepsEnd: true) == "…0.99")
    }
}
