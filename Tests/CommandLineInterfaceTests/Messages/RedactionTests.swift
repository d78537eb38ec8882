import DICOM
import DICOMNode
import Testing

@testable import CommandLineInterface

struct RedactionTests {
    private func redaction(_ line: String) throws -> Redaction { try invocation(line).redaction }

    static let names: [(String, String)] = [
        ("pacs: refused: no patient DOE^JOHN", "pacs: refused: ***"),
        ("/data/DOE^JOHN/1.dcm: truncated", "/data/***/1.dcm: truncated"),
        ("VAN DER BERG^JAN", "***"),
        ("山田^太郎=やまだ^たろう", "***=***"),
        ("a.dcm: stored", "a.dcm: stored"),
        ("2^10", "2^10"),
        ("accepted: FAMILY^GIVEN^MIDDLE^PREFIX^SUFFIX, each", "accepted: FAMILY^GIVEN^MIDDLE^PREFIX^SUFFIX, each"),
    ]

    @Test(arguments: names)
    func `what looks like the name of a person is hidden`(_ text: String, _ shown: String) {
        #expect(Redaction.names.ownText(text) == shown)
        #expect(Redaction.off.ownText(text) == text)
    }

    @Test func `what was asked for is hidden where a peer repeats it`() throws {
        let redaction = try redaction(
            "--find h -k 10,10=DOE^J* -k PatientID=P12345 -k AccessionNumber=ACC9 -k Modality=CT")
        #expect(redaction.peerText("no Doe with p12345 or ACC9 in CT") == "no *** with *** or *** in CT")
        // Our own words are not searched: a port may be the number of a patient.
        #expect(redaction.ownText("h:P12345") == "h:P12345")
        let open = try self.redaction("--find h --log-phi -k PatientID=P12345")
        #expect(open.peerText("no P12345") == "no P12345")
    }

    @Test func `a path made of patient data is shown as the pattern has it`() throws {
        let redaction = try redaction(
            "--get h -k 20,d=1 -o out --name '{PatientName}/{Modality}-{PatientID}/{SOPInstanceUID}.dcm'")
        #expect(
            redaction.ownText("out/DOE JOHN/CT-123/1.2.3.dcm: written")
                == "out/{PatientName}/{Modality}-{PatientID}/1.2.3.dcm: written")
        #expect(redaction.ownText("out/a: no such file or directory").hasPrefix("out/{PatientName}: "))
        #expect(redaction.ownText("other/DOE") == "other/DOE")
        #expect(try self.redaction("--get h -k 20,d=1 -o out").ownText("out/DOE/1") == "out/DOE/1")
    }

    @Test func `diagnostics hide, unless they are told not to`() {
        func shown(_ redaction: Redaction) -> String {
            let sink = MemorySink()
            Diagnostics(sink: sink, redaction: redaction).error(
                Message("pacs", "failed", peerText: "DOE^JOHN", code: "C000H"))
            return sink.text
        }
        #expect(shown(.names) == "dcmscu: pacs: failed: *** (C000H)\n")
        #expect(shown(.off) == "dcmscu: pacs: failed: DOE^JOHN (C000H)\n")
    }

    @Test func `a data set hides names, group 0010 and accession numbers, in items too`() {
        var item = DataSet()
        item.set(.patientName, .PN, "DOE^JOHN")
        item.set(.modality, .CS, "CT")
        var dataSet = DataSet()
        dataSet.set(.accessionNumber, .SH, "A1")
        dataSet.set(.modality, .CS, "MR")
        dataSet.set(.referringPhysicianName, .PN, "WHO^DR")
        dataSet.set(.patientID, .LO, "")
        dataSet.append(DataElement(tag: .referencedStudySequence, vr: .SQ, value: .items([item])))
        let hidden = dataSet.hidingPatientData
        #expect(hidden.string(.accessionNumber) == "***")
        #expect(hidden.string(.modality) == "MR")
        #expect(hidden.string(.referringPhysicianName) == "***")
        #expect(hidden[.patientID]?.isEmpty == true)
        guard case .items(let items)? = hidden[.referencedStudySequence]?.value else {
            Issue.record("no items")
            return
        }
        #expect(items[0].string(.patientName) == "***")
        #expect(items[0].string(.modality) == "CT")
    }

    @Test func `a log that takes nothing is remembered`() {
        let diagnostics = Diagnostics(
            [Diagnostics.Channel(sink: DescriptorSink(descriptor: -1), level: .note, isLog: true)], redaction: .names)
        #expect(diagnostics.logFailure == nil)
        diagnostics.error(Message("x"))
        #expect(diagnostics.logFailure != nil)
    }

    @Test func `a file that was given is shown as it is, also in the output directory`() {
        let redaction = Redaction(
            isOn: true, outputDirectory: "out", shownComponents: ["{PatientID}", nil], givenPaths: ["out/journal"])
        for text in ["out/journal: there is no journal yet", "out/journal, line 3: not read"] {
            #expect(redaction.ownText(text) == text)
        }
        #expect(redaction.ownText("out/P1/1.dcm: written") == "out/{PatientID}/1.dcm: written")
        #expect(redaction.ownText("out/P1: cannot be made") == "out/{PatientID}: cannot be made")
        #expect(redaction.ownText("out/journals/1.dcm: written") == "out/{PatientID}/1.dcm: written")
    }
}
