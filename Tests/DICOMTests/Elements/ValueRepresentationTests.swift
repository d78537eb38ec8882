import DICOM
import Testing

struct ValueRepresentationTests {
    @Test func `there are the thirty-four representations of the standard`() {
        #expect(ValueRepresentation.allCases.count == 34)
    }

    @Test(arguments: ValueRepresentation.allCases)
    func `the raw value is the two letters`(vr: ValueRepresentation) {
        #expect(ValueRepresentation(letters: vr.description) == vr)
        #expect(vr.description == "\(vr)")
        #expect(vr.description.utf8.elementsEqual([UInt8(vr.rawValue >> 8), UInt8(vr.rawValue & 0xFF)]))
    }

    @Test(arguments: ["", "P", "pn", "XX", "PNN", "é"])
    func `other letters are no representation`(letters: String) {
        #expect(ValueRepresentation(letters: letters) == nil)
    }

    @Test func `the long form belongs to those of table 7.1-1`() {
        let long = ValueRepresentation.allCases.filter(\.hasLongLength)
        #expect(long == [.OB, .OD, .OF, .OL, .OV, .OW, .SQ, .SV, .UC, .UN, .UR, .UT, .UV])
    }

    @Test(arguments: [
        (2, [ValueRepresentation.AT, .OW, .SS, .US]), (4, [.FL, .OF, .OL, .SL, .UL]), (8, [.FD, .OD, .OV, .SV, .UV]),
    ])
    func `numbers are swapped by their size`(size: Int, expected: [ValueRepresentation]) {
        #expect(ValueRepresentation.allCases.filter { $0.wordSize == size } == expected)
    }

    @Test func `text is padded with a space and all else with NUL`() {
        let spaced = ValueRepresentation.allCases.filter { $0.paddingByte == 0x20 }
        #expect(
            spaced == [.AE, .AS, .CS, .DA, .DS, .DT, .IS, .LO, .LT, .PN, .SH, .ST, .TM, .UC, .UR, .UT])
        #expect(ValueRepresentation.UI.isText)
        #expect(ValueRepresentation.UI.paddingByte == 0)
    }

    @Test func `the specific character set governs names and descriptions alone`() {
        let governed = ValueRepresentation.allCases.filter(\.usesSpecificCharacterSet)
        #expect(governed == [.LO, .LT, .PN, .SH, .ST, .UC, .UT])
    }
}
