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

    @Test func `the storage classes are all of storage and none of its services`() throws {
        let classes = UIDRegistry.storageSOPClasses
        #expect(classes.count == Set(classes).count)
        #expect(classes.count > 150)
        #expect(classes.contains("1.2.840.10008.5.1.4.1.1.2"))
        #expect(classes.contains("1.2.840.10008.5.1.4.1.1.88.11"))
        #expect(classes.contains("1.2.840.10008.5.1.4.1.1.104.1"))
        #expect(!classes.contains("1.2.840.10008.1.20.1"))
        #expect(!classes.contains("1.2.840.10008.1.3.10"))
        // The retired ones come last, whatever their number.
        let enhancedUltrasound = try #require(classes.firstIndex(of: "1.2.840.10008.5.1.4.1.1.6.2"))
        let retiredUltrasound = try #require(classes.firstIndex(of: "1.2.840.10008.5.1.4.1.1.6"))
        let lastInForce = try #require(classes.firstIndex(of: "1.2.840.10008.5.1.4.34.10"))
        #expect(enhancedUltrasound < retiredUltrasound)
        #expect(lastInForce < retiredUltrasound)
    }

    @Test func `the transfer syntaxes are those of the standard`() {
        #expect(UIDRegistry.transferSyntaxes.contains(TransferSyntax.implicitVRLittleEndian.uid))
        #expect(UIDRegistry.transferSyntaxes.contains(TransferSyntax.rleLossless.uid))
        #expect(UIDRegistry.transferSyntaxes.count > 40)
    }

    @Test func `the retired ones are not in force`() {
        let retired: [UID] = ["1.2.840.10008.1.2.2", "1.2.840.10008.1.2.4.52", "1.2.840.10008.1.2.6.1"]
        #expect(retired.allSatisfy { UIDRegistry.transferSyntaxes.contains($0) })
        #expect(!retired.contains { UIDRegistry.transferSyntaxesInForce.contains($0) })
        #expect(UIDRegistry.transferSyntaxesInForce.contains(TransferSyntax.implicitVRLittleEndian.uid))
        #expect(UIDRegistry.transferSyntaxesInForce.contains("1.2.840.10008.1.2.4.50"))
    }
}
