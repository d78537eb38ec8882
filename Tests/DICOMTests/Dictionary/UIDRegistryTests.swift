import DICOM
import Testing

struct UIDRegistryTests {
    @Test(arguments: [
        ("1.2.840.10008.1.1", "Verification", "Verification SOP Class"),
        ("1.2.840.10008.1.2", "ImplicitVRLittleEndian", "Implicit VR Little Endian"),
        ("1.2.840.10008.5.1.4.1.1.2", "CTImageStorage", "CT Image Storage"),
        ("1.2.840.10008.3.1.1.1", "DICOMApplicationContext", "DICOM Application Context"),
    ])
    func `a registered UID has a keyword and a name`(uid: String, keyword: String, name: String) {
        #expect(UIDRegistry.keyword(of: UID(uid)) == keyword)
        #expect(UIDRegistry.uid(forKeyword: keyword) == UID(uid))
        #expect(UIDRegistry.name(of: UID(uid))?.hasPrefix(name) == true)
    }

    @Test func `what is not registered has no name`() {
        #expect(UIDRegistry.name(of: "1.2.840.10008") == nil)
        #expect(UIDRegistry.name(of: "") == nil)
        #expect(UIDRegistry.uid(forKeyword: "") == nil)
        #expect(UIDRegistry.uid(forKeyword: "Nothing") == nil)
    }

    @Test func `the storage classes are all of storage and none of its services`() {
        let classes = UIDRegistry.storageSOPClasses
        #expect(classes.count == Set(classes).count)
        #expect(classes.count > 150)
        #expect(classes.contains("1.2.840.10008.5.1.4.1.1.2"))
        #expect(classes.contains("1.2.840.10008.5.1.4.1.1.88.11"))
        #expect(classes.contains("1.2.840.10008.5.1.4.1.1.104.1"))
        #expect(!classes.contains("1.2.840.10008.1.20.1"))
        #expect(!classes.contains("1.2.840.10008.1.3.10"))
        let firstRetired = classes.firstIndex { UIDRegistry.isRetired($0) } ?? classes.endIndex
        #expect(classes[firstRetired...].allSatisfy { UIDRegistry.isRetired($0) })
    }

    @Test func `the transfer syntaxes are those of the standard`() {
        #expect(UIDRegistry.transferSyntaxes.contains(TransferSyntax.implicitVRLittleEndian.uid))
        #expect(UIDRegistry.transferSyntaxes.contains(TransferSyntax.rleLossless.uid))
        #expect(UIDRegistry.transferSyntaxes.count > 40)
    }
}
