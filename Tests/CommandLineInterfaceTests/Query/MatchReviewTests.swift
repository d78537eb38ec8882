import DICOM
import DICOMProtocol
import Testing

@testable import CommandLineInterface

/// Matches held against the keys of their query.
struct MatchReviewTests {
    private static func dataSet(_ values: [(Tag, ValueRepresentation, String)]) -> DataSet {
        var dataSet = DataSet()
        for (tag, vr, text) in values.sorted(by: { $0.0 < $1.0 }) { dataSet.set(tag, vr, text) }
        return dataSet
    }

    private func verdict(
        _ keys: [(Tag, ValueRepresentation, String)], _ match: [(Tag, ValueRepresentation, String)],
        level: QueryLevel = .study, negotiation: QueryNegotiation = []
    ) -> MatchReview.Verdict {
        MatchReview(of: Self.dataSet(keys), model: .studyRoot, level: level, negotiation: negotiation)
            .verdict(of: Self.dataSet(match))
    }

    @Test func `a value that fits confirms, another one contradicts, and none leaves open`() {
        let key = [(Tag.studyDate, ValueRepresentation.DA, "20260101-20260131")]
        #expect(verdict(key, [(.studyDate, .DA, "20260115")]) == .confirmed)
        #expect(verdict(key, [(.studyDate, .DA, "20260201")]) == .contradicted(.studyDate))
        #expect(verdict(key, [(.studyDate, .DA, "")]) == .unconfirmed([.studyDate]))
        #expect(verdict(key, []) == .unconfirmed([.studyDate]))
    }

    /// Some servers return the value of the first series, which says nothing of the others.
    @Test func `a value of a lower level confirms nothing and contradicts nothing`() {
        for value in ["MR", "SR"] {
            #expect(verdict([(.modality, .CS, "MR")], [(.modality, .CS, value)]) == .unconfirmed([.modality]))
        }
        #expect(verdict([(.modality, .CS, "MR")], [(.modality, .CS, "MR")], level: .series) == .confirmed)
    }

    @Test func `one modality of a study is enough`() {
        let key = [(Tag.modalitiesInStudy, ValueRepresentation.CS, "MR")]
        #expect(verdict(key, [(.modalitiesInStudy, .CS, "CT\\MR")]) == .confirmed)
        #expect(verdict(key, [(.modalitiesInStudy, .CS, "CT\\SR")]) == .contradicted(.modalitiesInStudy))
    }

    @Test func `case of names and padding are not contradictions`() {
        #expect(verdict([(.patientName, .PN, "doe*")], [(.patientName, .PN, "DOE^JOHN ")]) == .confirmed)
        #expect(verdict([(.patientID, .LO, "12")], [(.patientID, .LO, "12  ")]) == .confirmed)
        #expect(verdict([(.patientID, .LO, "12")], [(.patientID, .LO, "123")]) == .contradicted(.patientID))
    }

    @Test func `a name agrees if its words begin with those of the key`() {
        let match = [(Tag.patientName, ValueRepresentation.PN, "DOE^JOHN")]
        #expect(verdict([(.patientName, .PN, "Doe")], match) == .confirmed)
        #expect(verdict([(.patientName, .PN, "John Doe")], match) == .confirmed)
        #expect(verdict([(.patientName, .PN, "DOE^JANE")], match) == .contradicted(.patientName))
        #expect(verdict([(.patientName, .PN, "ROE*")], match) == .contradicted(.patientName))
    }

    /// A server that is sent wildcards in the place of letters returns other patients.
    @Test func `a key that was sent with wildcards is compared as it was typed`() {
        func check(_ key: String, _ name: String) -> MatchReview.Verdict {
            verdict(
                [(.specificCharacterSet, .CS, "ISO_IR 192"), (.patientName, .PN, key)],
                [(.specificCharacterSet, .CS, "ISO_IR 192"), (.patientName, .PN, name)],
                negotiation: [.lettersAsWildcards, .fuzzyNames])
        }
        #expect(check("*山田*", "Doe^Peter") == .contradicted(.patientName))
        #expect(check("*ß*", "Grosse^Bob") == .contradicted(.patientName))
        #expect(check("größe*", "Größe^Anna") == .confirmed)
        #expect(check("*山田*", "Yamada^Tarou=山田^太郎") == .confirmed)
        for lost in ["^", "Yamada^Tarou=^=^", "??^??"] {
            #expect(check("*山田*", lost) == .illegible(.patientName, characterSet: ""))
        }
    }

    @Test func `universal keys, levels and character sets are not compared`() {
        let keys: [(Tag, ValueRepresentation, String)] = [
            (.specificCharacterSet, .CS, "ISO_IR 192"), (.queryRetrieveLevel, .CS, "STUDY"), (.patientName, .PN, "*"),
            (.studyDate, .DA, ""),
        ]
        #expect(verdict(keys, [(.specificCharacterSet, .CS, "ISO_IR 100")]) == .confirmed)
    }

    @Test func `a unique key above that is not returned was navigated by, but another value is a contradiction`() {
        let keys = [(Tag.studyInstanceUID, ValueRepresentation.UI, "1.2.3")]
        #expect(verdict(keys, [], level: .series) == .confirmed)
        #expect(verdict(keys, [(.studyInstanceUID, .UI, "1.2.4")], level: .series) == .contradicted(.studyInstanceUID))
    }

    @Test func `a value that lost its letters contradicts nothing`() {
        let keys: [(Tag, ValueRepresentation, String)] = [
            (.specificCharacterSet, .CS, "ISO_IR 192"), (.patientName, .PN, "*דוד*"), (.studyDescription, .LO, "דוד"),
        ]
        func verdict(_ set: String?, _ name: String, _ text: String = "דוד") -> MatchReview.Verdict {
            let match: [(Tag, ValueRepresentation, String)] = [
                (.patientName, .PN, name), (.studyDescription, .LO, text),
            ]
            return self.verdict(
                Array(keys.prefix(text == "דוד" ? 2 : 3)),
                (set.map { [(.specificCharacterSet, .CS, $0)] } ?? []) + match)
        }
        // Orthanc drops the letters that Latin-1 does not have; pynetdicom writes question marks, and names no set.
        #expect(verdict("ISO_IR 100", "^") == .illegible(.patientName, characterSet: "ISO_IR 100"))
        #expect(verdict(nil, "???^???") == .illegible(.patientName, characterSet: ""))
        #expect(verdict("ISO_IR 192", "???") == .illegible(.patientName, characterSet: "ISO_IR 192"))
        #expect(verdict("ISO_IR 100", "כהן", "KOPF") == .illegible(.studyDescription, characterSet: "ISO_IR 100"))
        // These have all letters.
        #expect(verdict("ISO_IR 192", "^") == .contradicted(.patientName))
        #expect(verdict("ISO_IR 192", "כהן", "KOPF") == .contradicted(.studyDescription))
        #expect(verdict(nil, "DOE", "KOPF") == .contradicted(.studyDescription))
        // Another key decides all the same.
        #expect(
            self.verdict(
                keys + [(.patientID, .LO, "1")],
                [(.specificCharacterSet, .CS, "ISO_IR 100"), (.patientName, .PN, "^"), (.patientID, .LO, "2")])
                == .contradicted(.patientID))
    }

    @Test func `each kind of doubt is told with its cause`() {
        var doubts = MatchDoubts()
        let isListed = doubts.record(.illegible(.patientName, characterSet: "ISO_IR 100"))
        #expect(isListed)
        doubts.record(.unconfirmed([.studyDate]))
        let problems = doubts.unconfirmedProblems(of: "PACS", consequence: "they are listed")
        #expect(problems.map(\.line).count == 2)
        #expect(problems[0].line.contains("1 match without StudyDate: the server does not return this key"))
        #expect(
            problems[1].line
                == "PACS: 1 match with a PatientName that lost its letters: the server returns it in ISO_IR 100, which does not have those of the key; they are listed"
        )
        #expect(problems[1].hint == Hint.lostLetters(isOfKey: true).text)
    }

    @Test func `fuzzy matching of names is up to the server`() {
        let keys = [(Tag.patientName, ValueRepresentation.PN, "Meyer")]
        let match = [(Tag.patientName, ValueRepresentation.PN, "Maier")]
        #expect(verdict(keys, match) == .contradicted(.patientName))
        #expect(verdict(keys, match, negotiation: .fuzzyNames) == .confirmed)
    }
}
