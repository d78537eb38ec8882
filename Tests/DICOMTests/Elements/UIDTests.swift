import DICOM
import Testing

struct UIDTests {
    @Test(arguments: ["1", "0", "1.2.840.10008.1.1", "2.25.0", "1.0.3", String(repeating: "1", count: 64)])
    func `what the standard allows is valid`(string: String) {
        #expect(UID(string).isValid)
    }

    @Test(arguments: [
        "", ".", "1.", ".1", "1..2", "1.02", "00", "1.2 ", "1.2a", "1.2\0", "1.-2", "1.２",
        String(repeating: "1", count: 65),
    ])
    func `what the standard forbids is not valid`(string: String) {
        #expect(!UID(string).isValid)
    }

    @Test func `padding of either kind is dropped behind and kept inside`() {
        #expect(UID(bytes: Array("1.2.3\0".utf8)) == "1.2.3")
        #expect(UID(bytes: Array("1.2.3  ".utf8)) == "1.2.3")
        #expect(UID(bytes: Array("1.2.3 \0".utf8)[...]) == "1.2.3")
        #expect(UID(bytes: [UInt8]()) == "")
        #expect(UID(bytes: [0, 0] as [UInt8]) == "")
        #expect(UID(bytes: Array("1.2 3".utf8)).string == "1.2 3")
    }

    @Test(arguments: ["1.2.3", "1.2.3\0", "1.2.3 ", "1.2.3 \0\0", " 1.2.3"])
    func `a UID is the same whatever it is padded with, and wherever it comes from`(_ text: String) {
        #expect(UID(bytes: Array(text.utf8)) == "1.2.3")
        // Also of an element whose representation is not that of UIDs.
        for vr in [ValueRepresentation.UI, .UN, .LO, .OB] {
            var dataSet = DataSet()
            dataSet.append(DataElement(tag: .studyInstanceUID, vr: vr, value: .bytes(Array(text.utf8)[...])))
            #expect(dataSet.uid(.studyInstanceUID) == "1.2.3")
            #expect(dataSet.uids(.studyInstanceUID) == ["1.2.3"])
        }
    }

    @Test func `our own identity is a valid UID and a short name`() {
        #expect(ImplementationIdentity.classUID.isValid)
        #expect(ImplementationIdentity.classUID.string.hasPrefix("2.25."))
        #expect((1...16).contains(ImplementationIdentity.versionName.utf8.count))
        let spelled = ImplementationIdentity.version.split(separator: ".").joined(separator: "_")
        #expect(ImplementationIdentity.versionName.hasSuffix("_" + spelled))
    }
}
