import DICOM
import TestSupport
import Testing

@testable import DICOMNode

struct InstanceNamingTests {
    private func path(
        _ pattern: String, uid: UID = "1.2.3", _ change: (inout DataSet) -> Void = { _ in }
    ) throws -> String {
        var attributes = DataSet()
        change(&attributes)
        let naming = try InstanceNaming(pattern: pattern)
        let name = naming.name(sopClassUID: "1.2.840", sopInstanceUID: uid, attributes: attributes)
        return name.components.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/")
    }

    @Test func `the standard name is the UID of the instance`() throws {
        #expect(try path(InstanceNaming.standardPattern) == "1.2.3.dcm")
        #expect(InstanceNaming.standard == (try InstanceNaming(pattern: InstanceNaming.standardPattern)))
        #expect(InstanceNaming.standard.fields.isEmpty)
        #expect(InstanceNaming.standard.namesEveryInstance)
    }

    @Test func `fields stand for the values of attributes`() throws {
        let pattern = "{PatientID}/x{StudyDate}-{Modality}/{SOPInstanceUID}.dcm"
        let made = try path(pattern) {
            $0.set(.patientID, .LO, "P1 ")
            $0.set(.studyDate, .DA, "20260514")
            $0.set(.modality, .CS, "MR")
        }
        #expect(made == "P1/x20260514-MR/1.2.3.dcm")
        #expect(try path(pattern) == "unknown/xunknown-unknown/1.2.3.dcm")
        #expect(try InstanceNaming(pattern: pattern).fields == [.studyDate, .modality, .patientID])
    }

    @Test func `a pattern that cannot tell instances apart is known`() throws {
        #expect(try !InstanceNaming(pattern: "{PatientID}/{Modality}").namesEveryInstance)
    }

    @Test(arguments: [
        "", "/absolute", "a//b", "a/", "./a", "a/../b", "..", "{PatientID", "PatientID}", "{}", "{NoSuchKeyword}",
        "{{PatientID}}", "a\nb", "a\u{0}b",
    ])
    func `a pattern that makes no safe path is refused`(pattern: String) {
        #expect(throws: InstanceNaming.PatternError.self) { try InstanceNaming(pattern: pattern) }
    }

    @Test(arguments: [
        "../../x", "/etc/x", "", "1.2.\u{0}3", "1.2\n3", "-rf", ".", "..", ".1", "1.", "1..2", "\u{1B}[2J",
        String(repeating: "1", count: 65), String(repeating: "1.", count: 150), "1.2.3/..", "1\\2", "1.2 .3",
    ])
    func `a UID that is none never becomes part of a path`(text: String) throws {
        let name = InstanceNaming.standard.name(sopClassUID: "1.2", sopInstanceUID: UID(text), attributes: DataSet())
        #expect(name.remark != nil)
        let made = String(decoding: try #require(name.components.first), as: UTF8.self)
        #expect(name.components.count == 1)
        #expect(made.hasPrefix("invalid-uid-") && made.hasSuffix(".dcm"))
        #expect(made.utf8.count == "invalid-uid-0123456789abcdef.dcm".utf8.count)
    }

    @Test func `UIDs that are none keep apart`() {
        let names = ["a", "b", "../a", "../b"].map {
            InstanceNaming.standard.name(sopClassUID: "1.2", sopInstanceUID: UID($0), attributes: DataSet()).components
        }
        #expect(Set(names).count == names.count)
    }

    @Test func `a harmless breach of the rules for UIDs keeps the name, with a remark`() {
        let name = InstanceNaming.standard.name(sopClassUID: "1.2", sopInstanceUID: "1.02.3", attributes: DataSet())
        #expect(name.components == [Array("1.02.3.dcm".utf8)])
        #expect(name.remark != nil)
    }

    @Test(arguments: [
        ("../../etc", "etc"), ("a/b", "a_b"), ("a\\b", "a"), (".", "unknown"), ("..", "unknown"), ("...", "unknown"),
        ("-rf", "rf"), (".hidden", "hidden"), ("a\u{1B}[2J", "a__2J"), ("a\nb", "a_b"), ("   ", "unknown"),
        ("A^B C", "A^B_C"), ("a;rm *", "a_rm"), ("$(x)", "(x)"), ("trailing.", "trailing"), ("_", "unknown"),
        ("\u{202E}x", "x"),
    ])
    func `values from a peer are made safe`(value: String, expected: String) throws {
        let made = try path("{PatientID}") { dataSet in
            dataSet.set(.specificCharacterSet, .CS, "ISO_IR 192")
            dataSet[.patientID] = DataElement(tag: .patientID, vr: .LO, value: .bytes(Array(value.utf8)[...]))
        }
        #expect(made == expected)
    }

    @Test func `names are read by their character set`() throws {
        let made = try path("{PatientName}") { dataSet in
            dataSet.set(.specificCharacterSet, .CS, "ISO_IR 100")
            // "Müller^Jörg" in Latin 1.
            let bytes: [UInt8] = [0x4D, 0xFC, 0x6C, 0x6C, 0x65, 0x72, 0x5E, 0x4A, 0xF6, 0x72, 0x67, 0x20]
            dataSet[.patientName] = DataElement(tag: .patientName, vr: .PN, value: .bytes(bytes[...]))
        }
        #expect(made == "Müller^Jörg")
    }

    @Test func `a long name is cut, stays unique, and keeps its ending`() throws {
        func long(_ last: String) throws -> String {
            try path("{PatientID}{PatientID}{PatientID}{PatientID}{PatientID}-{Modality}.dcm") {
                $0.set(.patientID, .LO, String(repeating: "p", count: 64))
                $0.set(.modality, .CS, last)
            }
        }
        let (one, other) = (try long("A"), try long("B"))
        #expect(one != other)
        #expect(one.utf8.count <= 224 && one.hasSuffix(".dcm"))
    }

    @Test func `a character is never cut in two`() {
        for count in 215...235 {
            let text = String(repeating: "x", count: count % 7) + String(repeating: "ä", count: count)
            let made = FileNameText.component([text, ".dcm"])
            #expect(String(validating: made, as: UTF8.self) != nil)
            #expect(made.count <= 224)
        }
    }
}
