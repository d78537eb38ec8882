import DICOM
import Testing

struct TransferSyntaxTests {
    @Test(arguments: [
        (TransferSyntax.implicitVRLittleEndian, false, false, false, false, true),
        (.explicitVRLittleEndian, true, false, false, false, true),
        (.explicitVRBigEndian, true, true, false, false, true),
        (.deflatedExplicitVRLittleEndian, true, false, true, false, true),
        (.jpegBaseline8Bit, true, false, false, true, false),
        (.rleLossless, true, false, false, true, false),
        (TransferSyntax("1.2.840.10008.1.2.4.95"), true, false, true, false, false),
        (TransferSyntax("1.2.840.113619.5.2"), false, false, false, false, false),
        (TransferSyntax("1.2.3.4"), true, false, false, true, false),
    ])
    func `a syntax tells how its data sets are encoded`(
        syntax: TransferSyntax, isExplicit: Bool, isBigEndian: Bool, isDeflated: Bool, isEncapsulated: Bool,
        isUncompressed: Bool
    ) {
        #expect(syntax.isExplicitVR == isExplicit)
        #expect(syntax.isBigEndian == isBigEndian)
        #expect(syntax.isDeflated == isDeflated)
        #expect(syntax.isEncapsulated == isEncapsulated)
        #expect(syntax.isUncompressed == isUncompressed)
    }

    @Test func `a syntax is called by its name or else by its UID`() {
        #expect(TransferSyntax.explicitVRBigEndian.description == "Explicit VR Big Endian")
        #expect(TransferSyntax("1.2.3.4").description == "1.2.3.4")
    }

    @Test(arguments: TransferSyntax.uncompressed.filter { !$0.isDeflated })
    func `a data set without meta information tells its syntax`(syntax: TransferSyntax) {
        var dataSet = DataSet()
        dataSet.set(.sopClassUID, "1.2.840.10008.5.1.4.1.1.2")
        let bytes = DataSetEncoder(syntax).encode(dataSet)
        #expect(TransferSyntax.guessed(fromDataSet: bytes[...]) == syntax)
        #expect(TransferSyntax.guessed(fromDataSet: ([0xFF] + bytes).dropFirst()) == syntax)
    }

    @Test(arguments: [
        "", "08 00 05 00 43 53", "3C 68 74 6D 6C 3E 0A 0A", "08 00 FF FF 04 00 00 00", "08 00 05 00 00 00 00 40",
    ])
    func `what is no data set has no syntax`(bytes: String) {
        #expect(TransferSyntax.guessed(fromDataSet: hexadecimal(bytes)[...]) == nil)
    }
}
