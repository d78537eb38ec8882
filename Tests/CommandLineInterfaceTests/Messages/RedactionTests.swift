import DICOM
import DICOMNode
import DICOMProtocol
import System
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

    @Test(
        arguments: [
            ("no patient 42", "no patient ***"), ("42: not found", "***: not found"),
            ("1425 instances", "1425 instances"),
            ("li^na: unknown", "***^***: unknown"), ("Li Na, 420", "*** ***, 420"), ("line", "line"),
        ])
    func `short values are hidden where they stand alone`(_ text: String, _ shown: String) throws {
        let redaction = try redaction("--find h -k 10,10=LI^NA -k PatientID=42")
        #expect(redaction.peerText(text) == shown)
    }

    @Test func `what an instance says of its patient is hidden in words about it, and only there`() {
        var item = DataSet()
        item.set(Tag(0x0040_1001), .SH, "RP77")
        var instance = DataSet()
        instance.set(.patientName, .PN, "QUIXOTE^ALONSO")
        instance.set(.patientBirthDate, .DA, "16051116")
        instance.set(Tag(0x0038_0010), .LO, "ADM9")
        instance.set(.modality, .CS, "CT")
        instance.append(DataElement(tag: Tag(0x0040_0275), vr: .SQ, value: .items([item])))
        var response = CommandSet()
        response.errorComment = "CT of Alonso Quixote (*16.11.1605, adm9), RP77, refused"
        let hidden = Redaction.names.hidingPatientData(in: response, about: [instance])
        #expect(hidden.errorComment == "CT of *** *** (****, ***), ***, refused")
        #expect(Redaction.names.peerText(response.errorComment ?? "") == response.errorComment)
        #expect(Redaction.off.hidingPatientData(in: response, about: [instance]) == response)
    }

    @Test func `the last matches are remembered in bounded memory`() {
        var recent = RecentMatches()
        for number in 0..<5_000 {
            var match = DataSet()
            match.set(.patientID, .LO, "P\(number)")
            if number == 4_000 { match.set(.pixelData, .OB, String(repeating: " ", count: 1 << 24)) }
            recent.append(FindSCU.Match(match))
        }
        #expect(recent.dataSets.count == 1_000 - 1)
        #expect(recent.dataSets.contains { $0.strings(.patientID) == ["P4999"] })
    }

    @Test func `any number of patients is asked for in bounded memory`() {
        let redaction = Redaction(isOn: true)
        for number in 0..<10_000 {
            var query = DataSet()
            query.set(.patientID, .LO, "P\(number)")
            redaction.learn(query)
        }
        #expect(redaction.peerText("no P9999") == "no ***")
        #expect(redaction.peerText("no P17") == "no P17")
    }

    @Test func `a path made of patient data is shown as the pattern has it`() throws {
        let redaction = try redaction(
            "--get h -k 20,d=1 -o out --name '{PatientName}/{Modality}-{PatientID}/{SOPInstanceUID}.dcm'")
        #expect(
            redaction.ownText("out/DOE JOHN/CT-123/1.2.3.dcm: written")
                == "out/{PatientName}/{Modality}-{PatientID}/1.2.3.dcm: written")
        #expect(redaction.ownText("out/a: no such file or directory").hasPrefix("out/{PatientName}: "))
        #expect(redaction.ownText("other/DOE") == "other/DOE")
        #expect(
            redaction.ownText("kept as out/DOE JOHN/CT-1/2") == "kept as out/{PatientName}/{Modality}-{PatientID}/2")
        #expect(
            redaction.ownText("\"out/DOE/a\" and out/ROE: full")
                == "\"out/{PatientName}/{Modality}-{PatientID}\" and out/{PatientName}: full")
        #expect(redaction.ownText("about/DOE") == "about/DOE")
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

    @Test func `a data set hides what people type and what nobody knows, and shows codes and equipment`() {
        var dataSet = DataSet()
        let hidden: [(UInt16, UInt16, ValueRepresentation)] = [
            (0x0008, 0x1030, .LO), (0x0009, 0x1001, .LO), (0x0010, 0x4000, .LT), (0x0020, 0x0010, .SH),
            (0x0020, 0x4000, .LT), (0x0032, 0x4000, .LT), (0x0038, 0x0010, .LO), (0x0038, 0x0300, .LO),
            (0x0040, 0x1001, .SH), (0x0040, 0x2016, .LO), (0x0040, 0xA160, .UT), (0x0042, 0x0011, .OB),
        ]
        let shown: [(UInt16, UInt16, ValueRepresentation)] = [
            (0x0008, 0x0020, .DA), (0x0008, 0x0060, .CS), (0x0008, 0x0070, .LO), (0x0008, 0x0100, .SH),
            (0x0009, 0x0010, .LO), (0x0020, 0x000D, .UI), (0x0020, 0x0013, .IS),
        ]
        for (group, element, vr) in (hidden + shown).sorted(by: { ($0.0, $0.1) < ($1.0, $1.1) }) {
            dataSet.append(
                DataElement(tag: Tag(group: group, element: element), vr: vr, value: .bytes(Array("VALUE ".utf8)[...])))
        }
        for (group, element, _) in hidden {
            let bytes = dataSet.hidingPatientData.bytes(Tag(group: group, element: element)).map { Array($0) }
            #expect(bytes == Array("***".utf8), "\(Tag(group: group, element: element))")
        }
        for (group, element, _) in shown {
            let bytes = dataSet.hidingPatientData.bytes(Tag(group: group, element: element)).map { Array($0) }
            #expect(bytes == Array("VALUE ".utf8), "\(Tag(group: group, element: element))")
        }
    }

    @Test func `the manual says of each attribute whether it is hidden or can appear`() throws {
        let text = OptionCategory.patientData
        func list(after start: String, before end: String) throws -> [String] {
            let rest = text[try #require(text.firstRange(of: start)).upperBound...]
            let items = rest[..<(try #require(rest.firstRange(of: end)).lowerBound)]
            return items.split(separator: ",").flatMap { item -> [String] in
                guard let and = item.firstRange(of: " and ") else { return [String(item.drop { $0 == " " })] }
                return [item[..<and.lowerBound], item[and.upperBound...]].map { part in
                    String(part.drop { $0 == " " })
                }.filter { !$0.isEmpty }
            }
        }
        #expect(text.firstRange(of: "groups 0010 and 0038, names of persons (PN), and Accession Number") != nil)
        let numbers = Set(try list(after: "persons (PN), and ", before: "; ***"))
        let representations = Set(
            try list(after: "all text (", before: ")") + (try list(after: "binary values (", before: ")")))
        let technical = Set(try list(after: "but for ", before: " and private creators"))
        #expect((numbers.count, technical.count) == (9, 9))
        var seen: Set<String> = []
        let retired = " (Retired)"
        for keyword in DataDictionary.keywords {
            guard let tag = DataDictionary.tag(forKeyword: keyword), let entry = DataDictionary.entry(for: tag),
                tag.group != 0x0010, tag.group != 0x0038, entry.vr != .PN, !tag.isPrivateCreator
            else { continue }
            var item = DataSet()
            item.set(.modality, .CS, "CT")
            var dataSet = DataSet()
            dataSet.append(
                DataElement(
                    tag: tag, vr: entry.vr, value: entry.vr == .SQ ? .items([item]) : .bytes(Array("VALUE ".utf8)[...]))
            )
            let name = entry.name.hasSuffix(retired) ? String(entry.name.dropLast(retired.count)) : entry.name
            let isNumber = numbers.contains(name)
            let isHidden = isNumber || (representations.contains("\(entry.vr)") && !technical.contains(name))
            #expect((dataSet.hidingPatientData != dataSet) == isHidden, "\(keyword)")
            #expect(tag.isPatientData == isNumber, "\(keyword)")
            seen.insert(name)
        }
        #expect(numbers.union(technical).subtracting(seen) == [])
        // Group 0010, group 0038, a name, a private element and its creator.
        for (tag, vr, isHidden) in [
            (0x0010_0040, .CS, true), (0x0038_0008, .CS, true), (0x0008_0090, .PN, true), (0x0009_1001, .DS, true),
            (0x0009_0010, .LO, false),
        ] as [(UInt32, ValueRepresentation, Bool)] {
            var dataSet = DataSet()
            dataSet.append(DataElement(tag: Tag(tag), vr: vr, value: .bytes(Array("12".utf8)[...])))
            #expect((dataSet.hidingPatientData != dataSet) == isHidden, "\(Tag(tag))")
        }
        // One text for both places.
        #expect(try #require(OptionTable.definition(.logPHI)).details == text)
        #expect(ManualPage.text.firstRange(of: Roff.text(text)) != nil)
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
