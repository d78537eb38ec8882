import DICOM
import Testing

struct DataSetTests {
    @Test func `elements ascend whatever the order in which they come`() {
        var dataSet = DataSet()
        for tag: Tag in [.pixelData, .patientID, .sopClassUID, .patientName, .modality] {
            dataSet.setEmpty(tag, .LO)
        }
        #expect(dataSet.elements.map(\.tag) == [.sopClassUID, .modality, .patientName, .patientID, .pixelData])
    }

    @Test func `a second element of one tag takes the place of the first`() {
        var dataSet = DataSet()
        dataSet.set(.patientID, .LO, "A")
        dataSet.set(.patientName, .PN, "B")
        dataSet.set(.patientID, .LO, "C")
        #expect(dataSet.elements.count == 2)
        #expect(dataSet.string(.patientID) == "C")
    }

    @Test func `an element is removed by its tag or by setting nil`() {
        var dataSet = DataSet()
        dataSet.set(.patientID, .LO, "A")
        dataSet.set(.patientName, .PN, "B")
        dataSet.remove(.modality)
        dataSet.remove(.patientID)
        #expect(dataSet.elements.map(\.tag) == [.patientName])
        dataSet[.patientName] = nil
        #expect(dataSet.isEmpty)
        #expect(dataSet[.patientName] == nil)
    }

    @Test(arguments: [
        (ValueRepresentation.LO, " Doe  ", ["Doe"]), (.LO, "A\\ B \\", ["A", "B", ""]), (.LO, "", []),
        (.UI, "1.2.3\0", ["1.2.3"]), (.LT, "  a\\b ", ["  a\\b"]), (.UT, "x\\y", ["x\\y"]),
        (.UC, " a \\b ", [" a", "b"]),
        (.CS, "   ", [""]),
    ])
    func `strings are split and trimmed as their representation says`(
        vr: ValueRepresentation, text: String, expected: [String]
    ) {
        var dataSet = DataSet()
        dataSet.append(DataElement(tag: .patientID, vr: vr, value: .bytes(Array(text.utf8)[...])))
        #expect(dataSet.strings(.patientID) == expected)
    }

    @Test func `an absent or an empty element has no string`() {
        var dataSet = DataSet()
        #expect(dataSet.string(.patientID) == nil)
        #expect(dataSet.uid(.sopClassUID) == nil)
        dataSet.set(.patientID, .LO, "")
        #expect(dataSet.string(.patientID) == nil)
        dataSet.set(.patientID, .LO, "  ")
        #expect(dataSet.string(.patientID) == nil)
        dataSet.set(.referencedSOPSequence, items: [])
        #expect(dataSet.string(.referencedSOPSequence) == nil)
    }

    @Test func `strings are padded to an even length`() {
        var dataSet = DataSet()
        dataSet.set(.patientID, .LO, "A")
        dataSet.set(.sopClassUID, UID("1.2"))
        dataSet.set(.modality, .CS, "CT")
        #expect(dataSet.bytes(.patientID) == [0x41, 0x20])
        #expect(dataSet.bytes(.sopClassUID) == [0x31, 0x2E, 0x32, 0x00])
        #expect(dataSet.bytes(.modality) == [0x43, 0x54])
        #expect(dataSet.uid(.sopClassUID) == "1.2")
    }

    @Test func `numbers are read from numbers and from integer strings`() {
        var dataSet = DataSet()
        dataSet.setUInt16(.rows, 0x1234)
        dataSet.append(DataElement(tag: Tag(0x0008_0000), vr: .UL, value: .bytes([0x78, 0x56, 0x34, 0x12])))
        dataSet.set(.instanceNumber, .IS, "70000 ")
        dataSet.setEmpty(.columns, .US)
        #expect(dataSet.bytes(.rows) == [0x34, 0x12])
        #expect(dataSet.uint16(.rows) == 0x1234)
        #expect(dataSet.uint32(.rows) == 0x1234)
        #expect(dataSet.uint32(Tag(0x0008_0000)) == 0x1234_5678)
        #expect(dataSet.uint16(Tag(0x0008_0000)) == nil)
        #expect(dataSet.uint32(.instanceNumber) == 70_000)
        #expect(dataSet.uint16(.instanceNumber) == nil)
        #expect(dataSet.uint16(.columns) == nil)
        #expect(dataSet.uint16(.bitsStored) == nil)
    }

    @Test func `a list of UIDs leaves out empty ones`() {
        var dataSet = DataSet()
        dataSet.set(.studyInstanceUID, .UI, "1.2\\\\1.3")
        #expect(dataSet.uids(.studyInstanceUID) == ["1.2", "1.3"])
    }

    private static let countedUIDs: [(value: String, count: Int)] = [
        ("", 0), ("1.2", 1), ("1.2.3", 1), ("1.2\0", 1), ("1.2 ", 1), ("\0\0", 0), ("1.2\\1.3", 2), ("1.2\\1.3\0", 2),
        ("1.2\\1.3\\1.4", 3), ("1.2\\\\1.3", 2), ("\\1.2", 1), ("1.2\\", 1), ("\\", 0), ("1.2\0\\1.3\0", 2),
    ]

    @Test(arguments: countedUIDs) func `as many UIDs are counted as a list has`(_ value: String, _ count: Int) {
        var dataSet = DataSet()
        // A slice whose first byte is not the first of its array.
        let bytes: ArraySlice<UInt8> = ([UInt8(ascii: "9")] + value.utf8).dropFirst()
        dataSet.append(DataElement(tag: .studyInstanceUID, vr: .UI, value: .bytes(bytes)))
        #expect(dataSet.uidCount(.studyInstanceUID) == count)
        #expect(dataSet.uids(.studyInstanceUID).count == count)
        // A text is one value, whatever backslashes it has.
        dataSet.append(DataElement(tag: .studyInstanceUID, vr: .LT, value: .bytes(bytes)))
        #expect(dataSet.uidCount(.studyInstanceUID) == dataSet.uids(.studyInstanceUID).count)
    }

    @Test func `no UIDs are counted where there is no element, or one with items`() {
        var dataSet = DataSet()
        #expect(dataSet.uidCount(.studyInstanceUID) == 0)
        dataSet.set(.referencedSOPSequence, items: [DataSet()])
        #expect(dataSet.uidCount(.referencedSOPSequence) == 0)
    }

    @Test func `an element is empty without bytes or items`() {
        var dataSet = DataSet()
        dataSet.setEmpty(.patientID, .LO)
        dataSet.setEmpty(.referencedSOPSequence, .SQ)
        #expect(dataSet[.patientID]?.isEmpty == true)
        #expect(dataSet[.referencedSOPSequence]?.isEmpty == true)
        #expect(dataSet.items(.referencedSOPSequence) == [])
        #expect(dataSet.items(.patientID) == nil)
        dataSet.set(.referencedSOPSequence, items: [DataSet()])
        #expect(dataSet[.referencedSOPSequence]?.isEmpty == false)
    }
}
