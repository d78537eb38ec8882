import DICOM
import DICOMProtocol
import Testing

@testable import CommandLineInterface

struct QueryKeyParserTests {
    static let forms: [(String, String, String)] = [
        // As gdcmscu has them.
        ("10,10", "(0010,0010)", ""),
        ("0010,0010", "(0010,0010)", ""),
        ("20,d", "(0020,000d)", ""),
        ("20,D", "(0020,000d)", ""),
        ("0x10,0X20", "(0010,0020)", ""),
        ("10,10=", "(0010,0010)", ""),
        ("10,10=A*", "(0010,0010)", "A*"),
        ("10,10,A*", "(0010,0010)", "A*"),
        ("10,10,", "(0010,0010)", ""),
        ("10,10=A=B,C", "(0010,0010)", "A=B,C"),
        ("10,10,A=B", "(0010,0010)", "A=B"),
        ("10,10= A  B ", "(0010,0010)", " A  B "),
        ("10,10AB", "(0010,10ab)", ""),
        ("8,60=CT", "(0008,0060)", "CT"),
        // And further.
        ("(0010,0010)", "(0010,0010)", ""),
        ("(0010,0010)=A", "(0010,0010)", "A"),
        ("(10,10)=A", "(0010,0010)", "A"),
        ("00100010", "(0010,0010)", ""),
        ("00100010=A", "(0010,0010)", "A"),
        ("0020000D=1.2", "(0020,000d)", "1.2"),
        ("PatientName", "(0010,0010)", ""),
        ("PatientName=Müller^Jörg", "(0010,0010)", "Müller^Jörg"),
        ("StudyInstanceUID=1.2\\1.3", "(0020,000d)", "1.2\\1.3"),
        ("0009,0010=ACME", "(0009,0010)", "ACME"),
        ("ScheduledProcedureStepSequence", "(0040,0100)", ""),
        // Into sequences.
        ("ScheduledProcedureStepSequence[0].Modality=CT", "(0040,0100)/(0008,0060)", "CT"),
        ("0040,0100[0].8,60=CT", "(0040,0100)/(0008,0060)", "CT"),
        ("40,100[0].8,60,CT", "(0040,0100)/(0008,0060)", "CT"),
        ("(0040,0100)[0].(0008,0060)=CT", "(0040,0100)/(0008,0060)", "CT"),
        ("00400100[0].00080060=CT", "(0040,0100)/(0008,0060)", "CT"),
        ("ScheduledProcedureStepSequence.Modality=CT", "(0040,0100)/(0008,0060)", "CT"),
        (
            "ScheduledProcedureStepSequence[0].ScheduledProtocolCodeSequence[0].CodeValue=X",
            "(0040,0100)/(0040,0008)/(0008,0100)", "X"
        ),
    ]

    @Test(arguments: forms)
    func `a key is read in each of its forms`(_ argument: String, _ path: String, _ value: String) throws {
        let key = try QueryKeyParser.parse(argument)
        #expect(key.tags.map(\.description).joined(separator: "/") == path)
        #expect(key.path.allSatisfy { $0.item == 0 })
        #expect(key.value == value)
        #expect(key.argument == argument)
    }

    @Test(arguments: [
        ("patientname=A", Tag.patientName), ("STUDYDATE", .studyDate), ("Patient's Name=A", .patientName),
        ("patient name", .patientName), ("Study Instance UID=1.2", .studyInstanceUID), ("name=A", .patientName),
        ("id", .patientID), ("Birthdate", .patientBirthDate), ("date=today", .studyDate), ("time", .studyTime),
        ("accession", .accessionNumber), ("modalities=CT", .modalitiesInStudy), ("description", .studyDescription),
        ("study=1.2", .studyInstanceUID), ("series", .seriesInstanceUID),
        ("Referring Physician's Name", .referringPhysicianName), ("Date", Tag(0x0040_A121)),
    ])
    func `an attribute has its keyword in any case, its name, and perhaps a short name`(
        _ argument: String, _ tag: Tag
    ) throws {
        #expect(try QueryKeyParser.parse(argument).tag == tag)
        #expect(try QueryKeyParser.parse("scheduledprocedurestepsequence.\(argument)").tag == tag)
    }

    @Test func `no short name is a keyword or a set`() {
        for (name, tag) in AttributeName.short {
            #expect(DataDictionary.tag(forKeyword: name) == nil)
            #expect(AttributeName.tag(of: name) == tag)
        }
    }

    @Test func `a keyword finds its place in a sequence, a tag stays`() throws {
        func tags(_ argument: String, _ model: InformationModel = .modalityWorklist) throws -> [Tag] {
            try QueryKeyParser.parse(argument).placed(in: model, at: .study).tags
        }
        #expect(try tags("ScheduledStationAETitle=A") == [.scheduledProcedureStepSequence, .scheduledStationAETitle])
        #expect(try tags("Modality=CT") == [.scheduledProcedureStepSequence, .modality])
        #expect(try tags("40,1=A") == [.scheduledStationAETitle])
        #expect(try tags("PatientName=A") == [.patientName])
        // A short name means what it is of a step.
        #expect(try tags("date=today") == [.scheduledProcedureStepSequence, .scheduledProcedureStepStartDate])
        #expect(try tags("modalities=CT") == [.scheduledProcedureStepSequence, .modality])
        #expect(try tags("StudyDate=today") == [.studyDate])
        #expect(try tags("date=today", .studyRoot) == [.studyDate])
        // In several sequences, or in the dictionary alone.
        #expect(try tags("CodeValue=A") == [Tag(0x0008_0100)])
        #expect(try tags("Modality=CT", .studyRoot) == [.modality])
    }

    static let unreadable = [
        "", "=", ",", "10", "10,", ",10", "10;10", "g,10", "10,g", "12345,10", "10,12345", "10,10ABC", "(10,10",
        "10,10)",
        "(10,10)A", "(10,10),A", "0010001", "001000100", "Patient", "PatientName,A", "PatientName A", "-10,10",
        "+1,2",
        "10,10[0]", "10,10[0].", "PatientName[0].Modality", "ScheduledProcedureStepSequence[0]Modality",
        "ScheduledProcedureStepSequence[0", "ScheduledProcedureStepSequence[].Modality",
        "ScheduledProcedureStepSequence[x].Modality", "ScheduledProcedureStepSequence[-1].Modality",
        "ScheduledProcedureStepSequence[0].", "ScheduledProcedureStepSequence[99999999999999999999].Modality",
        // Elements of commands, of file headers, of structure, and lengths of groups.
        "0,100", "2,10=1.2", "fffe,e000", "8,0", "0x,0x", "0xg,1",
    ]

    @Test(arguments: unreadable)
    func `what is no key is called by its name`(_ argument: String) throws {
        let error = try #require(throws: UsageError.self) { _ = try QueryKeyParser.parse(argument) }
        #expect([.unreadableKey, .unsupportedMatching].contains(error.code))
        // What may be a patient's value is shown as ***.
        let shown = error.problem.hasPrefix("Could not read Tag: \(argument)") || error.problem.hasSuffix("***")
        #expect(shown || error.code == .unsupportedMatching)
        #expect(error.accepted != nil)
    }

    @Test func `a second item of a sequence is refused`() throws {
        let error = try #require(throws: UsageError.self) {
            _ = try QueryKeyParser.parse("ScheduledProcedureStepSequence[1].Modality=CT")
        }
        #expect(error.code == .unsupportedMatching)
    }

    @Test func `a path as deep as what is read is a key, and a deeper one is none`() throws {
        let deepest = String(repeating: "0040,A730.", count: 64)
        #expect(try QueryKeyParser.parse(deepest + "10,10").path.count == 64)
        #expect(throws: UsageError.self) { _ = try QueryKeyParser.parse(deepest + "0040,A730.10,10") }
    }

    @Test func `a misspelt keyword brings the nearest one`() throws {
        let error = try #require(throws: UsageError.self) { _ = try QueryKeyParser.parse("PatinetName=A") }
        #expect(error.hint == "did you mean PatientName?")
    }

    @Test func `every keyword of the dictionary is a key or refused for its group`() throws {
        for keyword in DataDictionary.keywords {
            let tag = try #require(DataDictionary.tag(forKeyword: keyword))
            do throws(UsageError) {
                #expect(try QueryKeyParser.parse(keyword).tag == tag)
            } catch {
                #expect(tag.group <= 6 || tag.group == 0xFFFE || tag.element == 0, "\(keyword)")
            }
        }
    }

    @Test func `return keys are sets, keywords and tags with commas between`() throws {
        let option = try #require(OptionTable.definition(.return))
        let keys = try OptionArgument(
            definition: option, text: "study,StudyDate,(0010,0020),00100010,series"
        ).returnKeys()
        #expect(keys.count == 5)
        #expect(keys.first == .set(.study))
        #expect(keys.last == .set(.series))
        guard case .attribute(let key) = keys[2] else {
            Issue.record("the third is no attribute")
            return
        }
        #expect(key.tag == .patientID)
        for bad in ["", "StudyDate,", "StudyDate=1", "10,20", "everything"] {
            #expect(throws: UsageError.self) {
                _ = try OptionArgument(definition: option, text: bad).returnKeys()
            }
        }
    }

    @Test(arguments: [
        ("Patient=X", "PatientName, PatientID or PatientBirthDate"), ("StudyUID=1.2", "StudyInstanceUID"),
        ("PatName=X", "PatientName"), ("SeriesDesc=X", "SeriesDescription"), ("Body=X", "BodyPartExamined"),
        ("AccessionNo=1", "AccessionNumber"), ("PID=1", "PatientID"), ("DOB=1", "PatientBirthDate"),
        ("PatientNmae=X", "PatientName"), ("Sex=M", "PatientSex"),
    ])
    func `a word that is no keyword is told with those that it can have meant`(_ key: String, _ meant: String) {
        let error = #expect(throws: UsageError.self) { try QueryKeyParser.parse(key) }
        #expect(error?.suggestion == meant)
    }
}
